"""A source read as far as its columns of numbers, with nothing refused yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from peak_trade.data.address import Address
from peak_trade.data.builtin import asset_class_of, read_builtin
from peak_trade.data.catalogue import builtin_named
from peak_trade.data.columns import Columns, Stamp, find_columns
from peak_trade.data.files import read_file
from peak_trade.data.frames import read_frame
from peak_trade.data.normalise import Ints, Series, normalise
from peak_trade.data.spans import are_dates
from peak_trade.data.stamps import read_stamps
from peak_trade.data.stored import Pick, names_store, read_stored
from peak_trade.data.table import Table
from peak_trade.domain.calendar import Interval, calendar_named
from peak_trade.domain.errors import DataError, did_you_mean
from peak_trade.domain.instrument import AssetClass, Instrument

if TYPE_CHECKING:
    import polars as pl
    from narwhals.typing import IntoDataFrame


@dataclass(frozen=True, slots=True)
class Format:
    """How a source is to be read; None is to be told from it. See :func:`pt.load` for each."""

    interval: str | Interval | None = None
    stamp: Stamp = "open"
    timezone: str | None = None
    calendar: str | None = None
    columns: Mapping[str, str] | None = None
    symbol: str | None = None

    @property
    def step(self) -> Interval | None:
        """Length of a bar."""
        return Interval.parse(self.interval) if isinstance(self.interval, str) else self.interval


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A source's rows as numbers, in its own order.

    Attributes
    ----------
    table : Table
        What was read.
    columns : Columns
        What its columns mean.
    series : tuple of Series
        Its instruments.
    stamp : {"open", "close"}
        What the stamps mark.
    dates : bool
        Whether they name days.
    interval, calendar, asset_class : optional
        What is known of a built-in series, or was said; None is to be told from the bars.
    spans : tuple of pairs of (K,) int64, optional
        Opens and closes of each instrument's bars where they are known; None is to be told from
        the stamps.
    idle : tuple of (K,) int64
        Closes of the bars of each stored series that were filled in.
    instruments : tuple of Instrument or None
        What the store knows of each instrument.
    """

    table: Table
    columns: Columns
    series: tuple[Series, ...]
    stamp: Stamp
    dates: bool
    interval: Interval | None
    calendar: str | None
    asset_class: AssetClass | None
    spans: tuple[tuple[Ints, Ints], ...] | None = None
    idle: tuple[Ints, ...] = ()
    instruments: tuple[Instrument | None, ...] = ()


def read(
    source: "str | Sequence[str] | Path | IntoDataFrame | pl.LazyFrame",
    form: Format,
    pick: Pick | None = None,
) -> Reading:
    """Read a source without judging its rows.

    Parameters
    ----------
    source : str, sequence of str, Path or frame
        What :func:`pt.load` takes.
    form : Format
        How it is to be read.
    pick : Pick, optional
        Which rows of a stored series, and of which store.

    Raises
    ------
    DataError
        A source that is not there or cannot be read as bars: no time, no close, text among
        numbers, stamps that are missing or that cannot be read.
    ParameterError
        An interval or a calendar that is not known.

    Examples
    --------
    >>> reading = read("builtin:sp500", Format())
    >>> reading.calendar, [len(one.rows) for one in reading.series]
    ('XNYS', [5031])
    """
    step, calendar, mapping = form.step, form.calendar, form.columns
    asset_class: AssetClass | None = None
    if form.stamp not in ("open", "close"):
        known = ("open", "close")
        raise DataError(f"stamp {form.stamp!r} is not known", did_you_mean(form.stamp, known))
    if form.calendar is not None:
        calendar_named(form.calendar)
    if names_store(source):
        return _read_stored(cast("str | Sequence[str]", source), form, pick or Pick())
    if pick is not None and pick.is_used:
        raise DataError(
            "version, start, stop and max_age belong to series of the store",
            hint="leave them out, or import the file: peak data import",
        )
    place = Address.parse(source) if isinstance(source, str) else None
    if place is not None and place.kind == "builtin":
        _check_builtin(place.place, form)
        table, mapping, calendar = read_builtin(place.place), None, calendar or "XNYS"
        step = Interval.parse(builtin_named(place.place).interval)
        asset_class = asset_class_of(place.place)
    else:
        table = _read(cast("str | Path | IntoDataFrame | pl.LazyFrame", source))
    found = find_columns(table, mapping, stamp=form.stamp)
    stamps = read_stamps(table, found.time, clock=found.clock, timezone=form.timezone)
    series = normalise(table, found, stamps, symbol=form.symbol)
    dates = are_dates(stamps, form.stamp)
    return Reading(table, found, series, form.stamp, dates, step, calendar, asset_class)


def _read_stored(source: str | Sequence[str], form: Format, pick: Pick) -> Reading:
    if form.stamp != "open" or form.timezone is not None or form.columns:
        raise DataError("stamp, timezone and columns of the store are known", hint="leave them out")
    found = read_stored(source, interval=form.step, pick=pick, symbol=form.symbol)
    kept = {one.calendar for one in found.instruments if one is not None}
    calendar = kept.pop() if len(kept) == 1 and None not in found.instruments else None
    prices = {name: name for one in found.series for name in one.prices}
    return Reading(
        table=Table(found.frame, found.name, found.series[0].symbol),
        columns=Columns("open_ns", prices=prices, volume="volume"),
        series=found.series,
        stamp="open",
        dates=False,
        interval=found.interval,
        calendar=form.calendar or calendar,
        asset_class=None,
        spans=found.spans,
        idle=found.idle,
        instruments=found.instruments,
    )


def _read(source: "str | Path | IntoDataFrame | pl.LazyFrame") -> Table:
    if isinstance(source, str):
        return read_file(Address.parse(source).place)
    return read_file(source) if isinstance(source, Path) else read_frame(source)


def _check_builtin(name: str, form: Format) -> None:
    known = builtin_named(name).interval
    if form.step is not None and str(form.step) != known:
        raise DataError(f"builtin:{name} has bars of {known}, not {form.step}", hint="leave it out")
    if form.stamp != "open" or form.timezone is not None or form.columns:
        raise DataError(
            f"stamp, timezone and columns of builtin:{name} are known", hint="leave them out"
        )
