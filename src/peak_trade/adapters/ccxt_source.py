"""Market data of an exchange through ccxt, as any venue offers it; unverified unless shown."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from peak_trade.adapters.ccxt_bridge import Bridge, Exchange, Market, library
from peak_trade.adapters.ccxt_rules import listed_of
from peak_trade.adapters.credentials import Credentials
from peak_trade.adapters.paging import TimeSteps, VenueClock, pages_by_time
from peak_trade.adapters.patience import Patience
from peak_trade.data.candles import bar_closes
from peak_trade.data.findings import stamp_text
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import (
    Estimate,
    Listed,
    Offer,
    Page,
    Setup,
    SourceError,
    Trouble,
    Want,
)
from peak_trade.domain.calendar import DAY_NS, Interval

if TYPE_CHECKING:
    import polars as pl

MS = 1_000_000
PAGE = 500
_NOTE = "through ccxt; not shown to work against this venue"
JUMP = 20
"""Bars that may be missing at the begin of an answer that reaches until now."""


class CcxtSource:
    """Bars, funding rates and instrument rules of an exchange through ccxt.

    What every exchange answers alike is asked alike. Trades are not offered here: most exchanges
    answer the newest few alone and do not say so. Nothing is asked, and ccxt is not loaded, before
    the first call. Not to be shared by threads.

    Parameters
    ----------
    offer : Offer
        What it offers, under the venue's name in ccxt, such as ``bybit``.
    setup : Setup
        Where it is reached, and where its keys are.
    patience : Patience, optional
        How long it is asked again.
    now_ns : callable
        This machine's clock, UTC nanoseconds.

    Attributes
    ----------
    offer : Offer
        What it offers, known without asking it.
    bridge : Bridge
        The venue through ccxt.

    Examples
    --------
    >>> CcxtFamily.source("bybit", Setup())
    CcxtSource(bybit: bars, funding, instruments; unverified; no key)
    """

    offer: Offer

    def __init__(
        self,
        offer: Offer,
        setup: Setup,
        *,
        patience: Patience | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.offer = offer
        self._setup, self._patience, self._now = setup, patience, now_ns
        self.bridge = self._bridge({})
        self._clock = VenueClock(self.bridge.venue_ns)

    def __repr__(self) -> str:
        kinds = ", ".join([*sorted(self.kinds), "instruments"])
        shown = "verified" if self.is_verified else "unverified"
        key = "key set" if self.bridge.keys.is_set else "no key"
        return f"{type(self).__name__}({self.name}: {kinds}; {shown}; {key})"

    def __enter__(self) -> "CcxtSource":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The venue of its series."""
        return self.offer.name

    @property
    def kinds(self) -> frozenset[str]:
        """Which kinds of data it offers."""
        return self.offer.kinds

    @property
    def is_verified(self) -> bool:
        """Whether it was shown against recorded messages and a simulator of its venue."""
        return self.offer.is_verified

    def intervals(self) -> dict[str, str]:
        """The intervals of its bars: the name here to the name there."""
        told = {
            (name[:-1] + "mo" if name.endswith("M") else name): name
            for name in self.bridge.exchange.timeframes
        }
        return {name: there for name, there in told.items() if _is_interval(name)}

    def instruments(self) -> tuple[Listed, ...]:
        """Everything it lists, with its rules, by symbol."""
        return tuple(
            self._listed(market)
            for _, market in sorted(self.bridge.markets().items())
            if _is_tradable(market)
        )

    def listed(self, symbol: str) -> Listed:
        """One instrument with its rules.

        Raises
        ------
        SourceError
            It does not list it.
        """
        return self._listed(self._bridge_of(symbol).market(symbol))

    def estimate(self, want: Want) -> Estimate:
        """Tell how many calls an answer takes, and for how long."""
        self._check(want)
        row_ns = 8 * 3600 * 10**9 if want.key.kind == "funding" else self._interval(want.key).ns
        return self._estimate_rows(want, row_ns, PAGE)

    def pages(self, want: Want) -> Iterator[Page]:
        """Give the rows page by page, oldest first; see :class:`Source`."""
        self._check(want)
        if want.start_ns is None:
            raise SourceError(
                Trouble.NOT_OFFERED,
                f"{self.name} cannot be asked for all that it has",
                "say from when, with --since",
            )
        yield from pages_by_time(want, self._steps(want), self._clock)

    def clock_offset_ns(self) -> int:
        """How far the venue's clock is ahead of this machine's."""
        return self.bridge.clock().offset_ns

    def check_keys(self) -> None:
        """Ask for what only a key can see.

        Raises
        ------
        SourceError
            No key is set, or the venue refuses it.
        """
        self.bridge.check_keys()

    def close(self) -> None:
        """Close its connections."""
        self.bridge.close()

    def _bridge(self, options: Mapping[str, object]) -> Bridge:
        return Bridge(
            self.name, self._setup, options=options, patience=self._patience, now_ns=self._now
        )

    def _bridge_of(self, symbol: str) -> Bridge:
        """The bridge that knows a symbol; a venue may have several."""
        return self.bridge

    def _listed(self, market: Market) -> Listed:
        return listed_of(market, self.bridge.exchange.precisionMode)

    def _check(self, want: Want) -> None:
        """Refuse what is not offered, a symbol or an interval that the venue does not have."""
        key = want.key
        if key.kind not in self.kinds:
            raise SourceError(
                Trouble.NOT_OFFERED,
                f"{self.name} offers no {key.kind} here",
                f"it offers {', '.join(sorted(self.kinds))}",
            )
        if key.interval:
            self._interval_there(key)
        self._bridge_of(key.symbol).market(key.symbol)

    def _interval(self, key: SeriesKey) -> Interval:
        return Interval.parse(key.interval)

    def _interval_there(self, key: SeriesKey) -> str:
        """The venue's name of an interval, which may be written otherwise here (60m is 1h)."""
        known = self.intervals()
        if key.interval in known:
            return known[key.interval]
        wanted = self._interval(key)
        if wanted.unit not in ("mo", "y"):
            for name, there in known.items():
                if Interval.parse(name).unit != "mo" and Interval.parse(name).ns == wanted.ns:
                    return there
        raise SourceError(
            Trouble.NOT_OFFERED,
            f"{self.name} has no bars of {key.interval}",
            f"it has {', '.join(sorted(known, key=lambda name: Interval.parse(name).ns))}",
            interval=key.interval,
        )

    def _steps(self, want: Want) -> TimeSteps:
        if want.key.kind == "funding":
            return TimeSteps(
                f"{self.name}, asked for funding rates of {want.key.symbol},",
                lambda start, _: self._funding(want.key, start),
                span_ns=30 * DAY_NS,
                is_windowed=True,
            )
        interval = self._interval(want.key)
        return TimeSteps(
            f"{self.name}, asked for bars of {want.key},",
            lambda start, _: self._bars(want.key, start),
            span_ns=PAGE * interval.ns,
            row_ns=interval.ns,
            is_windowed=True,
        )

    def _bars(self, key: SeriesKey, start_ns: int) -> "pl.DataFrame":
        there, interval = self._interval_there(key), self._interval(key)

        def read(exchange: Exchange) -> "pl.DataFrame":
            rows = exchange.fetch_ohlcv(key.symbol, there, -(-start_ns // MS), PAGE)
            _refuse_lost(exchange, rows)
            sides = [[float(row[k]) for row in rows] for k in range(1, 6)]
            return bars_frame([int(row[0]) * MS for row in rows], sides, interval)

        rows = self._bridge_of(key.symbol).call(f"bars of {key}", read)
        if rows.height and rows["open_ns"][0] - start_ns > JUMP * interval.ns:
            self._refuse_newest(key, rows, start_ns)
        return rows

    def _refuse_newest(self, key: SeriesKey, rows: "pl.DataFrame", start_ns: int) -> None:
        """Refuse bars that begin late and end now: the venue may give its newest ones alone."""
        reaches_ns = int(rows["close_ns"][-1]) + self._interval(key).ns
        if reaches_ns < self._clock.at_least(reaches_ns + 1):
            return
        first = stamp_text(int(rows["open_ns"][0]))
        raise SourceError(
            Trouble.NOT_OFFERED,
            f"{self.name} was asked for bars of {key} from {stamp_text(start_ns)} on and gave "
            f"those from {first} to now: it may give its newest bars whatever it is asked",
            f"say --since {first} or later",
        )

    def _funding(self, key: SeriesKey, start_ns: int) -> "pl.DataFrame":
        import polars as pl

        def read(exchange: Exchange) -> "pl.DataFrame":
            rows = exchange.fetch_funding_rate_history(key.symbol, -(-start_ns // MS), PAGE)
            _refuse_lost(exchange, rows)
            return pl.DataFrame(
                {
                    "time_ns": [int(str(row["timestamp"])) * MS for row in rows],
                    "rate": [float(str(row["fundingRate"])) for row in rows],
                },
                schema={"time_ns": pl.Int64(), "rate": pl.Float64()},
            )

        return self._bridge_of(key.symbol).call(f"funding rates of {key.symbol}", read)

    def _estimate_rows(self, want: Want, row_ns: int, page: int, cost: float = 1.0) -> Estimate:
        if want.start_ns is None:
            return Estimate(None, None, "from the first row that it has")
        rows = max(0, -(-(want.stop_ns - want.start_ns) // row_ns))
        calls = max(1, -(-rows // page))
        return Estimate(calls, calls * self.bridge.seconds_a_call(cost))


class CcxtFamily:
    """Every exchange that ccxt knows, by its name there; none of them verified.

    Examples
    --------
    >>> "bybit" in CcxtFamily.names()
    True
    """

    @staticmethod
    def names() -> tuple[str, ...]:
        """The venues, by their names in ccxt.

        Raises
        ------
        SourceError
            ccxt is not installed.
        """
        return tuple(library().exchanges)

    @staticmethod
    def offer(venue: str) -> Offer:
        """What one of them offers."""
        kinds = frozenset({"bars", "funding"})
        return Offer(venue, kinds, is_verified=False, keys=Credentials.names(venue), note=_NOTE)

    @classmethod
    def source(cls, venue: str, setup: Setup) -> CcxtSource:
        """Make the source of one of them; nothing is asked yet."""
        return CcxtSource(cls.offer(venue), setup)


def bars_frame(
    opens_ns: list[int],
    sides: list[list[float]],
    interval: Interval,
    *,
    is_filled: list[bool] | None = None,
) -> "pl.DataFrame":
    """Make rows of the kind ``bars``: opens, then open, high, low, close and volume."""
    import polars as pl

    opens = np.array(opens_ns, dtype=np.int64)
    rows = {"open_ns": opens, "close_ns": bar_closes(opens, interval)}
    named = dict(zip(("open", "high", "low", "close", "volume"), sides, strict=True))
    columns = {name: np.array(values, dtype=np.float64) for name, values in named.items()}
    frame = pl.DataFrame({**rows, **columns})
    if is_filled is None:
        return frame
    return frame.with_columns(pl.Series("is_filled", is_filled, dtype=pl.Boolean()))


def _refuse_lost(exchange: Exchange, rows: Sequence[object]) -> None:
    """Refuse an empty page that the venue did not send: ccxt gives one for what it cannot read."""
    if rows:
        return
    lists = list(_lists(json.loads(exchange.last_http_response or "")))
    if not lists or any(lists):
        raise ValueError("no rows of the range that was asked for, nor an empty list")


def _lists(value: object) -> Iterator[list[object]]:
    if isinstance(value, list):
        yield value
    for item in value.values() if isinstance(value, dict) else ():
        yield from _lists(item)


def _is_interval(name: str) -> bool:
    return (name[:-1].isdigit() and name[-1] in "smhdw") or name.endswith("mo")


def _is_tradable(market: Market) -> bool:
    """Options and dated futures are left out: their series end before one can trade them."""
    return bool(market.get("spot") or market.get("swap"))
