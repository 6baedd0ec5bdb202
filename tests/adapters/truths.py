"""What is true at a venue's server, and ways to make it fail: for the contract's worlds."""

from collections.abc import Callable

import polars as pl
from adapters.venues import Trade, Venue, plain_bars, told
from werkzeug import Request, Response

from peak_trade.adapters.patience import Patience

HASTY = Patience(attempts=4, first_wait_s=0.001, longest_wait_s=0.01, longest_limit_s=1.0)


def failing(venue: Venue) -> Callable[[int, int, str, dict[str, str]], None]:
    """Have the next answers with data fail."""

    def fail(count: int, status: int, body: str, headers: dict[str, str]) -> None:
        fault = told(status, body, **headers)
        if count < 0:
            venue.always = fault
        else:
            venue.faults.extend([fault] * count)

    return fail


def repeating(venue: Venue) -> Callable[[], None]:
    """Have every answer with data be the first one."""
    first: list[Response] = []

    def again(request: Request) -> Response:
        if not first:
            asked = {**request.args.to_dict(), **request.form.to_dict()}
            answer = venue.respond(request.path, asked, request)
            first.append(answer)
        return Response(first[0].get_data(), 200, content_type="application/json")

    def repeat() -> None:
        venue.always = again

    return repeat


def true_bars(trades: list[Trade], width_ns: int, *, until_ns: int) -> pl.DataFrame:
    """The bars that were closed by a time, one trade after the other."""
    bars = [
        bar
        for bar in plain_bars(trades, width_ns, until_ns=until_ns)
        if bar.open_ns + width_ns <= until_ns
    ]
    return pl.DataFrame(
        {
            "open_ns": [bar.open_ns for bar in bars],
            "close_ns": [bar.open_ns + width_ns for bar in bars],
            **{
                name: [getattr(bar, name) for bar in bars]
                for name in ("open", "high", "low", "close", "volume")
            },
            "is_filled": [bar.count == 0 for bar in bars],
        }
    )


def true_trades(trades: list[Trade], *, unit_ns: int) -> pl.DataFrame:
    """Every trade, its time cut as the venue prints it."""
    return pl.DataFrame(
        {
            "time_ns": [trade.time_ns // unit_ns * unit_ns for trade in trades],
            "seq": [trade.id for trade in trades],
            "trade_id": [str(trade.id) for trade in trades],
            "price": [trade.price for trade in trades],
            "size": [trade.size for trade in trades],
            "side": pl.Series([1 if trade.buys else -1 for trade in trades], dtype=pl.Int8()),
        }
    )
