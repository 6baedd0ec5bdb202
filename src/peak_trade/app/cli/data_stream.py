"""`peak data stream`: closed bars of a venue as they are made."""

import json as text_json
import math
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from peak_trade.app.cli import options
from peak_trade.domain.errors import ParameterError

if TYPE_CHECKING:
    from peak_trade.app.cli.stream_saved import SavedBars
    from peak_trade.data.live.events import ClosedBar
    from peak_trade.data.live.source import FeedFactory, FeedOptions
    from peak_trade.data.live.thread import FeedThread
    from peak_trade.data.quarantine_terms import Change, Input, Reason, Vetted

ADDRESS = "Where it is listened to"
MISSING = 1
_GATHER_S = 0.1
_MINUTE_NS = 60_000_000_000
_ROW = "{:<12} {:<8} {:>9} {:>9} {:>9} {:>9} {:>8}  {}"

Venue = Annotated[str, typer.Argument(metavar="VENUE", help="kraken or binance.")]
Symbols = Annotated[
    str, typer.Argument(metavar="SYMBOL,...", help="As the venue lists them: BTC/USD,ETH/USD.")
]
IntervalText = Annotated[str, typer.Argument(metavar="INTERVAL", help="1m, 5m, 1h, ...")]
Seconds = Annotated[
    float | None, typer.Option(help="End after so many seconds; Ctrl-C ends it without.")
]
Bars = Annotated[int | None, typer.Option(min=1, help="End after so many closed bars.")]
Save = Annotated[bool, typer.Option("--save", help="Keep the bars in the store as they close.")]
Lines = Annotated[
    bool, typer.Option("--json", help="One JSON object a line on standard output, for each event.")
]
BaseUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Another WebSocket, such as a venue simulator's: ws://127.0.0.1:8900.",
        rich_help_panel=ADDRESS,
    ),
]
RestUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where bars are asked for that the stream did not give whole; by --base-url on this "
        "machine, the venue's own without it.",
        rich_help_panel=ADDRESS,
    ),
]
Wanted = Annotated[
    Literal["live", "testnet", "simulated"] | None,
    typer.Option(help="Refuse an address of another one.", rich_help_panel=ADDRESS),
]
Backfill = Annotated[
    bool,
    typer.Option(
        "--backfill/--no-backfill",
        help="Ask the venue for bars that the stream did not give whole.",
        rich_help_panel=ADDRESS,
    ),
]


def stream(
    venue: Venue,
    symbols: Symbols,
    interval: IntervalText,
    seconds: Seconds = None,
    bars: Bars = None,
    save: Save = False,
    base_url: BaseUrl = "",
    rest_url: RestUrl = "",
    environment: Wanted = None,
    backfill: Backfill = True,
    config: options.ConfigFile = None,
    json: Lines = False,
) -> None:
    """Show closed bars as they are made, and symbols that are held because theirs are not sound.

    Exit code 1 where bars are missing or a symbol is held at the end.
    """
    from peak_trade.app import request
    from peak_trade.app.cli.stream_saved import SavedBars
    from peak_trade.app.feeds import found_feed
    from peak_trade.app.stores import opened_store
    from peak_trade.data.live.thread import FeedThread

    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ParameterError(f"--seconds {seconds}: a length above 0 was expected")
    found = request.configured({}, {}, config)
    named = [name.strip() for name in symbols.split(",") if name.strip()]
    make = found_feed(venue)
    saved = SavedBars(opened_store(found)) if save else None
    shown = _Shown(saved, as_json=json)
    with (
        _options(venue, base_url, rest_url, environment, wants_backfill=backfill) as asked,
        FeedThread(lambda: _guarded(make, asked, named, interval)) as events,
    ):
        try:
            _follow(events, shown, seconds, bars)
        except KeyboardInterrupt:
            shown.is_interrupted = True
        finally:
            shown.keep()
    shown.end()
    if shown.missing or shown.held_now:
        raise typer.Exit(MISSING)


@contextmanager
def _options(
    venue: str,
    base_url: str,
    rest_url: str,
    environment: Literal["live", "testnet", "simulated"] | None,
    *,
    wants_backfill: bool,
) -> "Iterator[FeedOptions]":
    from peak_trade.app.feeds import StoredVenueBackfill, requests_url
    from peak_trade.data.live.source import FeedOptions

    url = requests_url(base_url, rest_url)
    source = StoredVenueBackfill(venue, url) if wants_backfill and url is not None else None
    try:
        yield FeedOptions(
            base_url=base_url, rest_url=url or "", environment=environment, backfill=source
        )
    finally:
        if source is not None:
            source.close()


def _guarded(
    make: "FeedFactory", asked: "FeedOptions", symbols: list[str], interval: str
) -> "AsyncIterator[Vetted]":
    from peak_trade.data.guarded import guarded
    from peak_trade.data.quarantine import Quarantine

    feed = make(asked)
    quarantine = Quarantine(other_time=[feed.venue] if feed.environment == "simulated" else ())
    backfills = {feed.venue: asked.backfill} if asked.backfill is not None else {}
    return guarded(
        feed.bars(symbols, interval), quarantine, now_ns=time.time_ns, backfills=backfills
    )


def _follow(
    events: "FeedThread[Vetted]", shown: "_Shown", seconds: float | None, bars: int | None
) -> None:
    """Show events until the time is over; bars that come together are kept together."""
    end = None if seconds is None else time.monotonic() + seconds
    while not events.has_ended and (bars is None or shown.bars < bars):
        left = 0.5 if end is None else min(0.5, end - time.monotonic())
        if left <= 0:
            return
        event = events.get(timeout_s=_GATHER_S if shown.has_unkept else left)
        if event is not None:
            shown.take(event)
        else:
            shown.keep()


class _Shown:
    """What was shown of a feed, and what of it is still to be kept."""

    def __init__(self, saved: "SavedBars | None", *, as_json: bool) -> None:
        self._saved, self._as_json = saved, as_json
        self._has_heading = False
        self._missing: set[tuple[str, int]] = set()
        self.held_now: dict[str, list[Reason]] = {}
        self.bars = self.corrected = self.quiet = self.held = 0
        self.is_interrupted = False

    @property
    def has_unkept(self) -> bool:
        """Whether bars wait to be kept."""
        return self._saved is not None and self._saved.has_unkept

    @property
    def missing(self) -> int:
        """How many bars are missing."""
        return len(self._missing)

    def take(self, vetted: "Vetted") -> None:
        """Count an event, and show it with what became of its symbol."""
        if self._saved is not None:
            self._saved.take(vetted)
        if vetted.event is not None:
            self._count(vetted)
        for change in vetted.changes:
            self._note(change)
        if self._as_json:
            said = [_facts(change) for change in vetted.changes]
            for facts in ([] if vetted.event is None else [_vetted_facts(vetted)]) + said:
                print(text_json.dumps(facts, allow_nan=False), flush=True)
        else:
            self._print(vetted)

    def _count(self, vetted: "Vetted") -> None:
        from peak_trade.data.live.events import ClosedBar, Missing, NoTrades

        event = vetted.event
        if isinstance(event, ClosedBar):
            self.bars += event.revision == 0
            self.corrected += event.revision > 0
            self.held += bool(vetted.held)
            self._missing.discard((event.symbol, event.candle.open_ns))
        elif isinstance(event, Missing):
            self._missing.update((event.symbol, at) for at in event.opens)
        elif isinstance(event, NoTrades):
            self.quiet += 1

    def _note(self, change: "Change") -> None:
        from peak_trade.data.quarantine_terms import Quarantined

        if isinstance(change, Quarantined):
            self.held_now.setdefault(change.symbol, []).append(change.reason)
        else:
            self.held_now.pop(change.symbol, None)

    def _print(self, vetted: "Vetted") -> None:
        from peak_trade.data.live.events import ClosedBar

        event = vetted.event
        if isinstance(event, ClosedBar):
            self._print_bar(event, vetted.held)
        lines = [] if event is None or isinstance(event, ClosedBar) else [_words(event)]
        for line in (*lines, *map(_change_words, vetted.changes)):
            if line:
                print(line, file=sys.stderr, flush=True)

    def _print_bar(self, event: "ClosedBar", held: "tuple[Reason, ...]") -> None:
        if not self._has_heading:
            self._has_heading = True
            heads = ("closed (UTC)", "symbol", "open", "high", "low", "close", "volume", "from")
            print(_ROW.format(*heads).rstrip(), flush=True)
        candle = event.candle
        prices = (_number(p) for p in (candle.open, candle.high, candle.low, candle.close))
        origin = event.basis + ("" if event.is_proven else ", unproven")
        origin += f", revision {event.revision}" if event.revision else ""
        origin += f", held: {', '.join(held)}" if held else ""
        form = "%m-%d %H:%M:%S" if candle.close_ns % _MINUTE_NS else "%m-%d %H:%M"
        closed, volume = _clock(candle.close_ns, form), _number(candle.volume)
        print(_ROW.format(closed, event.symbol, *prices, volume, origin), flush=True)

    def keep(self) -> None:
        """Put the bars that wait into the store."""
        if self._saved is not None:
            self._saved.keep()

    def end(self) -> None:
        """Tell what there was in all."""
        kept = 0 if self._saved is None else self._saved.kept
        facts = {
            "bars": self.bars, "corrected": self.corrected, "no_trades": self.quiet,
            "missing": self.missing, "held": self.held, "saved": kept, "held_now": self.held_now,
        }  # fmt: skip
        if self._as_json:
            print(text_json.dumps({"event": "end", **facts}), flush=True)
            return
        words = [f"{self.bars} bars"]
        words += [f"{self.corrected} corrected"] if self.corrected else []
        words += [f"{self.quiet} without trades"] if self.quiet else []
        words += [f"{self.missing} missing"]
        words += [f"{self.held} of held symbols"] if self.held else []
        words += [f"{kept} saved"] if self._saved is not None else []
        start = "\n" if self.is_interrupted else ""
        print(f"{start}{', '.join(words)}.", file=sys.stderr)
        for symbol, reasons in self.held_now.items():
            print(f"{symbol} is still held: {', '.join(reasons)}.", file=sys.stderr)


def _number(value: float) -> str:
    """A price or a volume with the digits that it has, at most ten of them."""
    return f"{value:,.10g}" if abs(value) < 1e6 else f"{value:,.2f}"


def _clock(ns: int, form: str = "%H:%M:%S") -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime(form)


def _vetted_facts(vetted: "Vetted") -> dict[str, object]:
    """An event, and of a bar whether it may be traded on."""
    from peak_trade.data.live.events import ClosedBar

    if vetted.event is None:
        return {}
    facts = _facts(vetted.event)
    if isinstance(vetted.event, ClosedBar):
        facts |= {"is_tradable": vetted.is_tradable, "held": list(vetted.held)}
    return facts


def _facts(event: "Input | Change") -> dict[str, object]:
    """An event as plain values; a closed bar's prices stand beside the rest."""
    from peak_trade.data.live.events import ClosedBar

    name = type(event).__name__
    word = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    facts: dict[str, object] = asdict(event)
    if isinstance(event, ClosedBar):
        word = "bar"
        del facts["candle"]
        facts |= asdict(event.candle)
    plain = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in facts.items()
    }
    return {"event": word, **plain}


def _change_words(change: "Change") -> str:
    """That a symbol is held, or free again, in a line."""
    from peak_trade.data.quarantine_terms import Quarantined

    if isinstance(change, Quarantined):
        what = f"held: {change.reason}: {change.detail}"
    else:
        what = f"no longer held ({', '.join(change.reasons)})"
    return f"{_clock(change.time_ns)} {change.symbol}: {what}"


def _words(event: "Input") -> str:
    """An event that is no bar, in a line; empty for what is no news."""
    from peak_trade.data.live import events as e

    match event:
        case e.Connected(venue=venue, time_ns=at):
            return f"{_clock(at)} {venue}: connected; bars are shown as they close"
        case e.NoTrades(symbol=symbol, close_ns=at):
            return f"{_clock(at)} {symbol}: no trades"
        case e.Missing(symbol=symbol, start_ns=start, stop_ns=stop, why=why):
            count = len(event.opens)
            what = f"{count} bar{'' if count == 1 else 's'} missing"
            return f"{_clock(stop)} {symbol}: {what} from {_clock(start)} on: {why}"
        case e.Stale(symbol=symbol, silent_ns=silent, time_ns=at):
            return f"{_clock(at)} {symbol}: silent for {silent / 1e9:.0f} s, longer than usual"
        case e.Fresh(symbol=symbol, time_ns=at):
            return f"{_clock(at)} {symbol}: heard again"
        case e.Disconnected(venue=venue, why=why, time_ns=at):
            return f"{_clock(at)} {venue}: connection lost: {why}"
        case e.Reconnected(venue=venue, away_ns=away, time_ns=at):
            return f"{_clock(at)} {venue}: connected again after {away / 1e9:.1f} s"
        case e.ClockSkewed(venue=venue, offset_ns=offset, time_ns=at):
            side = "ahead of" if offset > 0 else "behind"
            apart = abs(offset) / 1e9
            return f"{_clock(at)} {venue}: its clock is {apart:.1f} s {side} this machine's"
        case e.ClockAgrees(venue=venue, time_ns=at):
            return f"{_clock(at)} {venue}: the clocks agree again"
        case e.WrongEnvironment(venue=venue, why=why, time_ns=at):
            return f"{_clock(at)} {venue}: {why}"
        case e.VenueStatus(venue=venue, status=status, time_ns=at) if status != "online":
            return f"{_clock(at)} {venue}: says {status}"
    return ""
