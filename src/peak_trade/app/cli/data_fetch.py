"""`peak data fetch`: market data from exchanges and vendors, into the store."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from peak_trade.app.cli import options
from peak_trade.app.cli.console import print_json, print_table, progress
from peak_trade.app.cli.listing import Column, print_list
from peak_trade.app.cli.stored_text import second
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    from peak_trade.data.fetch import Fetched, Progress
    from peak_trade.data.series import SeriesKey
    from peak_trade.data.source import Listed, Source, Want
    from peak_trade.data.store import Store

FETCH, ADDRESS = "What is fetched", "Where it is asked"
TOLD_S = 30.0
REFRESHED_BARS = 100
DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000

SourceName = Annotated[
    str, typer.Argument(metavar="SOURCE", help="kraken, binance, ...: see peak data sources.")
]
Symbols = Annotated[
    str | None,
    typer.Argument(metavar="SYMBOL,...", help="As the venue lists them, such as BTC/USD,ETH/USD."),
]
IntervalText = Annotated[
    str | None, typer.Argument(metavar="INTERVAL", help="Of bars: 1m, 1h, 1d, ...")
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="From when on (UTC). Without it all that the source has, or all since the last fetch.",
        rich_help_panel=FETCH,
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Until when (UTC).", rich_help_panel=FETCH)
]
KindName = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="bars, trades, funding, instruments, ...; what the source offers.",
        rich_help_panel=FETCH,
    ),
]
FromTrades = Annotated[
    bool,
    typer.Option(
        "--from-trades", help="Build bars from the source's trades.", rich_help_panel=FETCH
    ),
]
Refresh = Annotated[
    bool,
    typer.Option(
        "--refresh",
        help=f"Ask again for the last {REFRESHED_BARS} bars that are stored (of other kinds for the "
        "last day), to catch what the source corrected.",
        rich_help_panel=FETCH,
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Ask this address instead, such as a venue simulator's. Or set PEAK_<SOURCE>_URL.",
        rich_help_panel=ADDRESS,
    ),
]
AnyClock = Annotated[
    bool,
    typer.Option(
        "--any-clock",
        help="Take a venue whose clock is not that of this machine: a simulator's.",
        rich_help_panel=ADDRESS,
    ),
]


def fetch(
    source: SourceName,
    symbols: Symbols = None,
    interval: IntervalText = None,
    since: Since = None,
    until: Until = None,
    kind: KindName = None,
    from_trades: FromTrades = False,
    refresh: Refresh = False,
    base_url: BaseUrl = None,
    any_clock: AnyClock = False,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """Fetch what the store does not have, and keep it; run again, it goes on where it stopped."""
    from peak_trade.app import request
    from peak_trade.app.sources import opened_source
    from peak_trade.app.stores import opened_store
    from peak_trade.data.source import Setup, Want

    start_ns, stop_ns = _moment("--since", since), _moment("--until", until)
    found = request.configured({}, {}, config)
    setup = Setup(base_url=base_url or "", is_clock_checked=not any_clock)
    with opened_source(source, setup) as opened:
        named = [name.strip() for name in symbols.split(",") if name.strip()] if symbols else []
        if kind == "instruments":
            _keep_instruments(opened, opened_store(found), named, json=json)
            return
        chosen = kind or _usual_kind(opened)
        keys = _keys(opened, chosen, named, interval)
        store = opened_store(found)
        stop_ns = stop_ns if stop_ns is not None else _now_ns(opened, any_clock=any_clock)
        _check_range(start_ns, stop_ns)
        show = found.values.flags.show_progress and not json
        done = [
            _fetch_one(
                opened, store, Want(key, start_ns, stop_ns),
                from_trades=from_trades, refresh=refresh, show=show,
            )
            for key in keys
        ]  # fmt: skip
    _tell(done, store, json=json)


def _fetch_one(
    source: "Source",
    store: "Store",
    want: "Want",
    *,
    from_trades: bool,
    refresh: bool,
    show: bool,
) -> "Fetched":
    from peak_trade.data.fetch import RuledSource, fetch

    key = want.key
    again = _refreshed_ns(key) if refresh else 0
    _tell_cost(source, store, want, again, from_trades=from_trades)
    try:
        with _bar(key, wanted=show) as report:

            def on_page(done: "Progress") -> None:
                if done.pages == 1 and isinstance(source, RuledSource):
                    rules = [source.listed(key.symbol)]
                    store.keep_instruments(source.name, rules, received_ns=time.time_ns())
                if report is not None:
                    report(done)

            return fetch(
                source, store, want,
                on_progress=on_page, refresh_ns=again, from_trades=from_trades,
            )  # fmt: skip
    except KeyboardInterrupt:
        print(
            f"Stopped; what was fetched of {key} is kept. Run it again to go on.", file=sys.stderr
        )
        raise


def _tell_cost(
    source: "Source", store: "Store", want: "Want", again_ns: int, *, from_trades: bool
) -> None:
    """Say on standard error what a long fetch will take, before it begins."""
    from dataclasses import replace

    from peak_trade.data.fetch import missing
    from peak_trade.data.series import SeriesKey

    key = SeriesKey("trades", want.key.venue, want.key.symbol) if from_trades else want.key
    calls, seconds = 0, 0.0
    for begin, end in missing(store, want, refresh_ns=again_ns):
        told = source.estimate(replace(want, key=key, start_ns=begin, stop_ns=end))
        if told.calls is None or told.seconds is None:
            return
        calls, seconds = calls + told.calls, seconds + told.seconds
    if seconds >= TOLD_S:
        how = ", built from trades" if from_trades else ""
        print(
            f"{want.key}{how}: about {calls:,} calls, {_lasting(seconds)}. Ctrl-C keeps what came.",
            file=sys.stderr,
        )


@contextmanager
def _bar(key: "SeriesKey", *, wanted: bool) -> "Iterator[Callable[[Progress], None] | None]":
    """A progress bar that counts the days, or of short ranges the minutes, that are there."""
    with progress(f"{key}", wanted=wanted) as told:
        if told is None:
            yield None
            return

        def report(done: "Progress") -> None:
            unit = DAY_NS if done.stop_ns - done.start_ns > 3 * DAY_NS else MINUTE_NS
            whole = max(1, (done.stop_ns - done.start_ns) // unit)
            told(min(whole, (done.reached_ns - done.start_ns) // unit), whole)

        yield report


def _tell(done: "list[Fetched]", store: "Store", *, json: bool) -> None:
    stored = [store.stored(one.key) for one in done]
    if json:
        print_json({"fetched": [_facts(one, kept) for one, kept in zip(done, stored, strict=True)]})
        return
    rows = [
        (
            str(one.key),
            f"{one.added:,}",
            f"{one.corrected:,}",
            f"{kept.rows:,}" if kept else "0",
            second(kept.first_ns) if kept else "",
            second(kept.last_ns) if kept else "",
            f"{kept.version}" if kept else "",
        )
        for one, kept in zip(done, stored, strict=True)
    ]
    print_list(
        [
            Column("series", is_words=True),
            Column("new"),
            Column("corrected", spare=3),
            Column("rows"),
            Column("from", is_words=True, spare=2),
            Column("to", is_words=True),
            Column("version", spare=1),
        ],
        rows,
    )


def _facts(one: "Fetched", kept: object) -> dict[str, object]:
    from dataclasses import asdict

    facts = asdict(one)
    del facts["key"]
    key = one.key
    where = {"series": str(key), "kind": key.kind, "venue": key.venue, "symbol": key.symbol}
    total = {name: getattr(kept, name, None) for name in ("rows", "first_ns", "last_ns", "version")}
    return {**where, "interval": key.interval, **facts, "stored": total}


def _keep_instruments(source: "Source", store: "Store", named: list[str], *, json: bool) -> None:
    from peak_trade.data.fetch import RuledSource

    if named and isinstance(source, RuledSource):
        listed = tuple(source.listed(symbol) for symbol in named)
    else:
        listed = source.instruments()
    store.keep_instruments(source.name, listed, received_ns=time.time_ns())
    if json:
        print_json({"venue": source.name, "instruments": [_rules(one) for one in listed]})
        return
    print_table(
        ("symbol", "there", "tick", "lot", "min size", "min value", "maker", "taker", "trades"),
        [_shown_rules(one) for one in listed],
        words={0, 1, 8},
    )
    print(f"{len(listed):,} instruments of {source.name} are kept with their rules.")


def _rules(one: "Listed") -> dict[str, object]:
    held = one.instrument
    return {
        "symbol": one.symbol, "venue_symbol": one.venue_symbol, "is_active": one.is_active,
        "base": held.base, "quote": held.quote, "tick": held.tick, "lot": held.lot,
        "multiplier": held.multiplier, "min_size": one.min_size,
        "min_notional": held.min_notional, "maker_fee": one.maker_fee,
        "taker_fee": one.taker_fee, "precision": one.precision,
    }  # fmt: skip


def _shown_rules(one: "Listed") -> tuple[str, ...]:
    held = one.instrument
    fees = ("" if fee is None else f"{fee:.2%}" for fee in (one.maker_fee, one.taker_fee))
    steps = (held.tick, held.lot, one.min_size, held.min_notional)
    sizes = (f"{step:.10f}".rstrip("0").rstrip(".") for step in steps)
    return (one.symbol, one.venue_symbol, *sizes, *fees, "yes" if one.is_active else "no")


def _usual_kind(source: "Source") -> str:
    """Bars where it has them, else the only kind that it has."""
    if "bars" in source.kinds or len(source.kinds) != 1:
        return "bars"
    return next(iter(source.kinds))


def _keys(
    source: "Source", kind: str, symbols: list[str], interval: str | None
) -> "list[SeriesKey]":
    from peak_trade.data.series import KINDS, SeriesKey

    if not symbols:
        raise DataError(
            "no symbol is given", hint=f"such as BTC/USD; peak data fetch {source.name} --kind instruments lists them"
        )  # fmt: skip
    if kind in KINDS and KINDS[kind].has_interval and interval is None:
        raise DataError(f"{kind} need an interval", hint="put one behind the symbol, such as 1h")
    wanted = interval or ""
    return [SeriesKey(kind, source.name, symbol, wanted) for symbol in dict.fromkeys(symbols)]


def _now_ns(source: "Source", *, any_clock: bool) -> int:
    from peak_trade.data.source import CheckedSource

    now_ns = time.time_ns()
    if any_clock and isinstance(source, CheckedSource):
        return now_ns + source.clock_offset_ns()
    return now_ns


def _check_range(start_ns: int | None, stop_ns: int) -> None:
    if start_ns is not None and start_ns >= stop_ns:
        raise DataError(
            f"--since {_day(start_ns)} is not before {_day(stop_ns)}",
            hint="say an earlier one, or a later --until",
        )


def _refreshed_ns(key: "SeriesKey") -> int:
    from peak_trade.domain.calendar import Interval

    return REFRESHED_BARS * Interval.parse(key.interval).ns if key.interval else DAY_NS


def _moment(option: str, text: str | None) -> int | None:
    """Read a date or a time; without a zone it is UTC."""
    if text is None:
        return None
    moment = _read_moment(text)
    if moment is None or not 1970 <= moment.year < 2200:
        raise DataError(
            f"{option} {text!r} is no date or time",
            hint="write it like 2020-01-31 or 2020-01-31T12:00",
        )
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    whole = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * 10**9 + whole.microseconds * 1_000


def _read_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _day(time_ns: int) -> str:
    from peak_trade.data.findings import stamp_text

    return stamp_text(time_ns)


def _lasting(seconds: float) -> str:
    whole = round(seconds / 60)
    hours, minutes = divmod(whole, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min" if whole else f"{seconds:.0f} s"
    )
