"""Reading a column of times: dates, text with and without zones, epoch numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.table import Table
from peak_trade.domain.calendar import DAY_NS
from peak_trade.domain.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import polars as pl

Ints = npt.NDArray[np.int64]

_NUMBER = r"^[+-]?\d+(\.\d*)?$"
_ZONED = r"^(.*\d:\d{2}(?:\.\d+)?)\s*(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})$"
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y",
          "%d-%m-%Y", "%d.%m.%Y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y")  # fmt: skip
_CLOCKS = (" %H:%M:%S%.f", "T%H:%M:%S%.f", " %H:%M", "T%H:%M", " %I:%M:%S %p", " %I:%M %p")
_EPOCH_NS = ((1e11, 1_000_000_000, "s"), (1e14, 1_000_000, "ms"), (1e17, 1_000, "us"))
_FIRST_NS, _LAST_NS = -9_214_560_000_000_000_000, 9_214_646_400_000_000_000  # 1678 to 2261


@dataclass(frozen=True, slots=True, eq=False)
class Stamps:
    """Times of rows, as instants and as a clock on the wall shows them.

    Attributes
    ----------
    utc : (T,) int64
        Instants, UTC nanoseconds.
    wall : (T,) int64
        The same in the zone they were written in, as if it were UTC.
    are_dates : bool
        Whether they were dates without a time of day.
    """

    utc: Ints
    wall: Ints
    are_dates: bool

    @property
    def are_midnights(self) -> bool:
        """Whether every stamp is a date, or a midnight in its own zone."""
        return self.are_dates or not bool((self.wall % DAY_NS).any())


def read_stamps(
    table: Table, time: str, *, clock: str | None = None, timezone: str | None = None
) -> Stamps:
    """Read the stamps of a table.

    Parameters
    ----------
    table : Table
        What was read.
    time : str
        Column of dates, times, ISO or other usual text, or numbers: seconds, milliseconds,
        microseconds or nanoseconds since 1970 by their size, or dates such as 20200131.
    clock : str, optional
        Column of times of day, beside a ``time`` of dates.
    timezone : str, optional
        IANA zone of stamps that carry none; UTC where left out.

    Raises
    ------
    DataError
        A stamp that is missing or cannot be read, dates that can be read in two ways, mixed time
        zones, an unknown zone, and a local time that its zone has twice or not at all.

    Examples
    --------
    >>> import polars as pl
    >>> table = Table(pl.DataFrame({"t": ["2024-07-01 09:30"]}), "frame", "asset")
    >>> stamps = read_stamps(table, "t", timezone="America/New_York")
    >>> np.datetime64(int(stamps.utc[0]), "ns")
    np.datetime64('2024-07-01T13:30:00.000000000')
    """
    import polars as pl

    _check_zone(timezone)
    values = table.frame[time]
    if clock is not None:
        values = _joined(values, table.frame[clock])
    if values.null_count():
        row = int(values.is_null().arg_max() or 0)
        raise DataError(
            f"no stamp in {time!r} at {table.at(row)}", hint="give each row one", row=row
        )
    if values.dtype == pl.Date:
        return _dates(values.cast(pl.Datetime("us")), table)
    if values.dtype == pl.Datetime:
        return _datetimes(values, table, timezone)
    if values.dtype.is_numeric():
        return _numbers(values, table, timezone)
    if values.dtype != pl.String:
        raise DataError(
            f"column {time!r} of {table.name} is {values.dtype}, not a time",
            hint="give dates, times, text or epoch numbers",
        )
    text = values.str.strip_chars()
    if text.str.contains(_NUMBER).all():
        whole = text.cast(pl.Int64, strict=False)
        numbers = whole if whole.null_count() == 0 else text.cast(pl.Float64)
        return _numbers(numbers, table, timezone)
    return _zoned_or_naive(text, table, timezone)


def _check_zone(timezone: str | None) -> None:
    if timezone is None:
        return
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        known = zoneinfo.available_timezones()
        raise DataError(
            f"time zone {timezone!r} is not known", did_you_mean(timezone, known), found=timezone
        ) from error


def _joined(date: "pl.Series", clock: "pl.Series") -> "pl.Series":
    import polars as pl

    if date.dtype == pl.Datetime:
        date = date.dt.date()
    both = pl.DataFrame({"date": date.cast(pl.String), "clock": clock.cast(pl.String)})
    return both.select(pl.concat_str("date", "clock", separator=" ")).to_series()


def _dates(values: "pl.Series", table: Table) -> Stamps:
    days = _ns(values, table)
    return Stamps(days, days, are_dates=True)


def _ns(values: "pl.Series", table: Table) -> Ints:
    """Nanoseconds of naive datetimes; what int64 does not hold is an error."""
    scale = {"ns": 1, "us": 1_000, "ms": 1_000_000}[
        getattr(values.dtype, "time_unit", None) or "us"
    ]
    ticks = values.to_physical().to_numpy()
    wrong = (ticks < _FIRST_NS // scale) | (ticks > _LAST_NS // scale)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"stamp {values[row]} at {table.at(row)} is not between 1678 and 2261",
            hint="check the unit and the format of the stamps",
            row=row,
        )
    return np.ascontiguousarray(ticks * scale, dtype=np.int64)


def _datetimes(values: "pl.Series", table: Table, timezone: str | None) -> Stamps:
    if getattr(values.dtype, "time_zone", None) is not None:
        wall = _ns(values.dt.replace_time_zone(None), table)
        return Stamps(_ns(values.dt.convert_time_zone("UTC"), table), wall, are_dates=False)
    wall = _ns(values, table)
    if timezone is None:
        return Stamps(wall, wall, are_dates=False)
    aware = values.dt.replace_time_zone(timezone, ambiguous="null", non_existent="null")
    if aware.null_count():
        row = int(aware.is_null().arg_max() or 0)
        raise DataError(
            f"{values[row]} at {table.at(row)} happens twice or not at all in {timezone}, "
            "where the clocks change",
            hint="write the stamps in UTC or with their offsets",
            row=row,
        )
    return Stamps(_ns(aware.dt.convert_time_zone("UTC"), table), wall, are_dates=False)


def _numbers(values: "pl.Series", table: Table, timezone: str | None) -> Stamps:
    """Epoch numbers are instants whatever the zone; eight digits that read as a date are one."""
    import polars as pl

    numbers = values.to_numpy()
    if not np.isfinite(numbers).all():
        row = int(np.argmin(np.isfinite(numbers)))
        raise DataError(f"stamp {numbers[row]} at {table.at(row)}", hint="give a number", row=row)
    size = float(np.abs(numbers).max())
    if float(numbers.min()) >= 18_000_101 and size <= 22_001_231:
        text = values.cast(pl.Int64).cast(pl.String)
        days = text.str.to_datetime("%Y%m%d", time_unit="us", strict=False)
        if days.null_count() == 0:
            return _dates(days, table)
    scale, unit = next(((s, u) for top, s, u in _EPOCH_NS if size < top), (1, "ns"))
    if size * scale > _LAST_NS:
        row = int(np.abs(numbers).argmax())
        raise DataError(
            f"stamp {numbers[row]} at {table.at(row)}, read as {unit} since 1970, is after 2261",
            hint="check the unit of the stamps",
            row=row,
        )
    if numbers.dtype.kind == "f":
        whole = np.floor(numbers)
        part = np.rint((numbers - whole) * scale).astype(np.int64)
        # A float of seconds is good to a microsecond.
        part = part // 1_000 * 1_000 + (part % 1_000 >= 500) * 1_000 if scale > 1_000 else part
        utc = whole.astype(np.int64) * scale + part
    else:
        utc = numbers.astype(np.int64) * scale
    wall = utc
    if timezone is not None:
        local = pl.Series(utc).cast(pl.Datetime("ns", "UTC")).dt.convert_time_zone(timezone)
        wall = local.dt.replace_time_zone(None).to_physical().to_numpy()
    return Stamps(utc, np.ascontiguousarray(wall), are_dates=False)


def _zoned_or_naive(text: "pl.Series", table: Table, timezone: str | None) -> Stamps:
    import polars as pl

    zoned = text.str.contains(_ZONED)
    if not zoned.any():
        values, are_dates = _parsed(text, table)
        if are_dates:
            return _dates(values, table)
        return _datetimes(values, table, timezone)
    if not zoned.all():
        with_zone, without = int(zoned.arg_max() or 0), int(zoned.arg_min() or 0)
        raise _mixed(
            f"{text[with_zone]!r} at {table.at(with_zone)} has a zone, "
            f"{text[without]!r} at {table.at(without)} has none",
            max(with_zone, without),
        )
    wall = _ns(_parsed(text.str.extract(_ZONED, 1).str.strip_chars(), table)[0], table)
    zones = text.str.extract(_ZONED, 2)
    seconds = {zone: _offset(zone) for zone in zones.unique().to_list()}
    offsets = (
        zones.replace_strict(seconds, return_dtype=pl.Int64).to_numpy()
        if len(seconds) > 1
        else np.full(len(wall), next(iter(seconds.values())), dtype=np.int64)
    )
    utc = wall - offsets * 1_000_000_000
    if len(set(seconds.values())) > 1 and not _is_one_zone(utc, offsets):
        other = int((offsets != offsets[0]).argmax())
        raise _mixed(
            f"{zones[0]} at {table.at(0)} and {zones[other]} at {table.at(other)} "
            "are no summer and winter time of one zone",
            other,
        )
    return Stamps(utc, wall, are_dates=False)


def _mixed(what: str, row: int) -> DataError:
    return DataError(
        f"mixed time zones: {what}", hint="write all stamps in UTC or in one zone", row=row
    )


def _offset(zone: str) -> int:
    """Seconds east of Greenwich of ``Z``, ``UTC``, ``+01``, ``-0530`` or ``+05:30``."""
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if zone[0] == "-" else seconds


def _is_one_zone(utc: Ints, offsets: Ints) -> bool:
    """Whether some zone of the world had these offsets at these instants."""
    import zoneinfo

    order = np.argsort(utc, kind="stable")
    changes = np.flatnonzero(np.diff(offsets[order])) + 1
    ends = np.unique(np.concatenate(([0], changes, changes - 1, [len(utc) - 1])))
    seen = [(int(utc[k]) // 1_000_000_000, int(offsets[k])) for k in order[ends]]
    moments = [(datetime.fromtimestamp(second, UTC), offset) for second, offset in seen]
    for name in sorted(zoneinfo.available_timezones()):
        zone = zoneinfo.ZoneInfo(name)
        if all(_seconds(moment.astimezone(zone)) == offset for moment, offset in moments):
            return True
    return False


def _seconds(moment: datetime) -> float:
    offset = moment.utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _parsed(text: "pl.Series", table: Table) -> tuple["pl.Series", bool]:
    """Read text by the one format that fits every row; tells whether it has no time of day."""
    formats = _formats(text[0])
    if not formats:
        raise _unreadable(text[0], 0, table, "is not a time in a known format")
    read = [(form, text.str.to_datetime(form, time_unit="us", strict=False)) for form in formats]
    whole = [(form, values) for form, values in read if values.null_count() == 0]
    if not whole:
        form, values = min(read, key=lambda pair: pair[1].null_count())
        row = int(values.is_null().arg_max() or 0)
        raise _unreadable(text[row], row, table, f"does not read like {text[0]!r} before it")
    if any(not values.equals(whole[0][1]) for _, values in whole[1:]):
        raise _unreadable(text[0], 0, table, "may be month/day or day/month")
    form, values = whole[0]
    if "%.f" in form:
        values = (
            text.str.to_datetime(form, time_unit="ns", strict=False)
            if _is_modern(values)
            else values
        )
    return values, "%H" not in form and "%I" not in form


def _is_modern(values: "pl.Series") -> bool:
    years = values.dt.year()
    return bool((years >= 1678).all() and (years <= 2261).all())


def _formats(first: str) -> list[str]:
    import polars as pl

    probe = pl.Series([first])
    options = [date + clock for date in _DATES for clock in ("", *_CLOCKS)]
    return [
        form
        for form in options
        if probe.str.to_datetime(form, time_unit="us", strict=False).null_count() == 0
    ]


def _unreadable(value: str, row: int, table: Table, why: str) -> DataError:
    return DataError(
        f"stamp {value!r} at {table.at(row)} {why}",
        hint="write ISO times, such as 2024-01-31 or 2024-01-31T09:30:00Z",
        row=row,
        found=value,
    )
