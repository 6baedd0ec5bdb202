"""From a source to bars, in one call."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.data.builtin import asset_class_of, read_builtin
from peak_trade.data.columns import Stamp, find_columns
from peak_trade.data.files import read_file
from peak_trade.data.frames import read_frame
from peak_trade.data.instruments import Rules, make_instrument
from peak_trade.data.normalise import Series, normalise
from peak_trade.data.panel import build_bars
from peak_trade.data.source import Source, builtin_named
from peak_trade.data.spans import are_dates, bar_spans, infer_interval
from peak_trade.data.stamps import read_stamps
from peak_trade.data.table import Table
from peak_trade.data.validate import check_spacing, validate
from peak_trade.domain.bars import Bars
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError, did_you_mean
from peak_trade.domain.instrument import AssetClass

if TYPE_CHECKING:
    import polars as pl
    from narwhals.typing import IntoDataFrame


def load(
    source: "str | Path | IntoDataFrame | pl.LazyFrame",
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
) -> Bars:
    """Load bars from an installed package, a file or a frame, checked and never repaired.

    Parameters
    ----------
    source : str, Path or frame
        ``builtin:NAME``, ``file:PATH``, a path that ends in ``.csv``, ``.csv.gz`` or ``.parquet``,
        or a pandas or polars frame. Bars as rows; with a column ``symbol``, ``ticker`` or
        ``asset`` several instruments below each other; or closes with one column a ticker, where
        an empty cell is a day without a bar.
    interval : str or Interval, optional
        Length of a bar, such as ``1m`` or ``1d``; the most common distance between stamps where
        left out. Gaps are fine, bars closer together are an error.
    stamp : {"open", "close"}
        What a stamp is of its bar. Stamps of daily and longer bars that are dates (or, with
        ``open``, midnights) name the days from 00:00 to 24:00 UTC, and the months, that bars span.
    timezone : str, optional
        IANA zone of stamps that carry none; UTC where left out.
    calendar : str, optional
        ``24/7``, ``24/5`` or ``XNYS``. Left out: ``24/7`` if a bar opens on a weekend, else
        ``24/5`` for intraday bars outside 13:30 to 21:00 UTC, else ``XNYS``.
    columns : mapping of role to column name, optional
        Such as ``{"time": "ts", "close": "adj_close"}``. Where a price or the volume is mapped,
        only those mapped are read.
    symbol : str, optional
        Of several instruments the one to keep; of a single one its name. Left out, a single one is
        called like the file.
    lot, tick, order_step, multiplier, min_notional, asset_class, quote : optional
        Rules of the instruments; see Instrument. Left out, ``lot`` is 0.0001 and ``tick`` the
        largest power of ten (1 to 1e-8) that all prices are multiples of.

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
    rules = Rules(calendar, lot, tick, order_step, multiplier, min_notional, asset_class, quote)
    step = Interval.parse(interval) if isinstance(interval, str) else interval
    if stamp not in ("open", "close"):
        raise DataError(f"stamp {stamp!r} is not known", did_you_mean(stamp, ("open", "close")))
    place = Source.parse(source) if isinstance(source, str) else None
    if place is not None and place.kind == "builtin":
        _check_builtin(place.place, step, stamp=stamp, timezone=timezone, columns=columns)
        table, mapping = read_builtin(place.place), None
        step = Interval.parse(builtin_named(place.place).interval)
        rules = replace(
            rules,
            calendar=calendar or "XNYS",
            asset_class=asset_class or asset_class_of(place.place),
        )
    else:
        table, mapping = _read(source), columns
    found = find_columns(table, mapping, stamp=stamp)
    stamps = read_stamps(table, found.time, clock=found.clock, timezone=timezone)
    series = normalise(table, found, stamps, symbol=symbol)
    return _assemble(table, series, step, stamp=stamp, rules=rules, dates=are_dates(stamps, stamp))


def _read(source: "str | Path | IntoDataFrame | pl.LazyFrame") -> Table:
    if isinstance(source, str):
        return read_file(Source.parse(source).place)
    return read_file(source) if isinstance(source, Path) else read_frame(source)


def _check_builtin(
    name: str,
    interval: Interval | None,
    *,
    stamp: Stamp,
    timezone: str | None,
    columns: Mapping[str, str] | None,
) -> None:
    known = builtin_named(name).interval
    if interval is not None and str(interval) != known:
        raise DataError(f"builtin:{name} has bars of {known}, not {interval}", hint="leave it out")
    if stamp != "open" or timezone is not None or columns:
        raise DataError(
            f"stamp, timezone and columns of builtin:{name} are known", hint="leave them out"
        )


def _assemble(
    table: Table,
    series: tuple[Series, ...],
    interval: Interval | None,
    *,
    stamp: Stamp,
    rules: Rules,
    dates: bool,
) -> Bars:
    for one in series:
        validate(table, one)
    step = interval or infer_interval(table, [one.stamps.utc for one in series])
    spans = [bar_spans(one.stamps, step, stamp=stamp, dates=dates) for one in series]
    for one, (opens, closes) in zip(series, spans, strict=True):
        check_spacing(table, one, opens, closes, interval=step)
    instruments = [
        make_instrument(one, opens, step, rules=rules)
        for one, (opens, _) in zip(series, spans, strict=True)
    ]
    return build_bars(
        series,
        spans,
        instruments,
        interval=step,
        name=table.name,
        frame=table.kind,
    )
