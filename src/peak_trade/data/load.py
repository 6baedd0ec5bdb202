"""From a source to bars, in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.data.columns import Stamp
from peak_trade.data.features.supply import supplied
from peak_trade.data.instruments import Rules, make_instrument, ruled
from peak_trade.data.panel import build_bars
from peak_trade.data.reading import Format, Reading, read
from peak_trade.data.spans import bar_spans, infer_interval
from peak_trade.data.stored import Moment, Pick
from peak_trade.data.validate import check_spacing, validate
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.instrument import AssetClass

if TYPE_CHECKING:
    import polars as pl
    from narwhals.typing import IntoDataFrame

    from peak_trade.data.store import Store


def load(
    source: "str | Sequence[str] | Path | IntoDataFrame | pl.LazyFrame",
    *,
    interval: str | Interval | None = None,
    stamp: Stamp = "open",
    timezone: str | None = None,
    calendar: str | None = None,
    columns: Mapping[str, str] | None = None,
    symbol: str | None = None,
    lot: float | None = None,
    tick: float | None = None,
    order_step: int | None = None,
    multiplier: float | None = None,
    min_notional: float | None = None,
    asset_class: AssetClass | None = None,
    quote: str | None = None,
    version: int | None = None,
    start: Moment | None = None,
    stop: Moment | None = None,
    max_age: str | Interval | None = None,
    store: "Store | str | Path | None" = None,
) -> Bars:
    """Load bars from an installed package, a file, a frame or the store, checked and never repaired.

    Parameters
    ----------
    source : str, list of str, Path or frame
        ``VENUE:SYMBOL`` of the store, several symbols with commas, or a list of such; or
        ``builtin:NAME``, ``file:PATH``, a path that ends in ``.csv``, ``.csv.gz`` or ``.parquet``,
        or a pandas or polars frame. Bars as rows; with a column ``symbol``, ``ticker`` or
        ``asset`` several instruments below each other; or closes with one column a ticker, where
        an empty cell is a day without a bar.
    interval : str or Interval, optional
        Length of a bar, such as ``1m`` or ``1d``; the most common distance between stamps, or the
        only interval that is stored, where left out. Gaps are fine, bars closer together are an error.
    stamp : {"open", "close"}
        What a stamp is of its bar. Stamps of daily and longer bars that are dates (or, with
        ``open``, midnights) name the days from 00:00 to 24:00 UTC, and the months, that bars span.
    timezone : str, optional
        IANA zone of stamps that carry none; UTC where left out.
    calendar : str, optional
        ``24/7``, ``24/5`` or the code of a stock exchange, such as ``XNYS``. Left out: ``24/7`` if
        a bar opens on a weekend, else ``24/5`` for intraday bars outside 13:30 to 21:00 UTC, else
        ``XNYS``.
    columns : mapping of role to column name, optional
        Such as ``{"time": "ts", "close": "adj_close"}``. Where a price or the volume is mapped,
        only those mapped are read.
    symbol : str, optional
        Of several instruments the one to keep; of a single one its name. Left out, a single one is
        called like the file.
    lot, tick, order_step, multiplier, min_notional, asset_class, quote : optional
        Rules of the instruments; see Instrument. Left out, ``lot`` is 0.0001 and ``tick`` the
        largest power of ten (1 to 1e-8) that all prices are multiples of. Of stored series the
        venue's own rules hold where they are kept, as they were known when the version was written.
    version : int, optional
        Of stored series the version to read; the newest where left out. ``Bars.name`` says which.
    start, stop : str, datetime or int, optional
        Of stored series the bars that open at ``start`` or later, and before ``stop``: ISO text or
        a datetime (UTC where it names no zone), or UTC nanoseconds.
    max_age : str or Interval, optional
        Of stored series how long ago they may have been last received at most, such as ``2d``.
    store : Store, str or Path, optional
        The store, or its place; ``PEAK__DATA__STORE`` or a folder of the user's own where left out.

    Returns
    -------
    Bars
        (T, N), T the union of the instruments' close times. Without open, high and low the series
        is close-only. ``Bars.frame`` is the kind of frame handed in.

    Raises
    ------
    DataError
        Anything in the data that would break a backtest; the message names the row and the value.
    ParameterError
        An interval, calendar or instrument rule that is not valid.

    Examples
    --------
    >>> load("builtin:sp500")
    Bars(builtin:sp500: 5,031 rows x 1 instrument, 1d, 1999-01-04 .. 2018-12-31)
    """
    form = Format(interval, stamp, timezone, calendar, columns, symbol)
    pick = Pick(store, version, start, stop, max_age)
    reading = read(source, form, pick)
    chosen = asset_class or reading.asset_class
    rules = Rules(reading.calendar, lot, tick, order_step, multiplier, min_notional, chosen, quote)
    bars = _assemble(reading, rules)
    return bars if reading.spans is None else supplied(bars, store=pick.opened)


def _assemble(reading: Reading, rules: Rules) -> Bars:
    table, series = reading.table, reading.series
    for one in series:
        validate(table, one)
    step = reading.interval or infer_interval(table, [one.stamps.utc for one in series])
    spans = reading.spans or [
        bar_spans(one.stamps, step, stamp=reading.stamp, dates=reading.dates) for one in series
    ]
    for one, (opens, closes) in zip(series, spans, strict=True):
        check_spacing(table, one, opens, closes, interval=step)
    known = reading.instruments or [None] * len(series)
    instruments = [
        make_instrument(one, opens, step, rules=rules) if kept is None else ruled(kept, rules)
        for one, (opens, _), kept in zip(series, spans, known, strict=True)
    ]
    return build_bars(
        series,
        spans,
        instruments,
        interval=step,
        name=table.name,
        frame=table.kind,
        idle=reading.idle,
    )
