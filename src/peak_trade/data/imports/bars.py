"""Bars of a file: one instrument, several below each other, closes side by side, or bars of quotes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from peak_trade.data.check import check_reading
from peak_trade.data.columns import Columns, find_columns, key_of, match_column
from peak_trade.data.findings import DataReport, Finding, ordered
from peak_trade.data.imports.cells import numbers, rows_of, stamped
from peak_trade.data.imports.flaws import Flaws, Mended, findings_of, interleaved
from peak_trade.data.imports.form import Form, Target
from peak_trade.data.imports.found import Import, Imported, Mend
from peak_trade.data.normalise import Series, normalise, read_numbers
from peak_trade.data.reading import Reading
from peak_trade.data.repair import REPAIRS
from peak_trade.data.row_checks import RowFaults, find_faults
from peak_trade.data.series import SeriesKey
from peak_trade.data.spans import are_dates, bar_spans, infer_interval
from peak_trade.data.stamps import Stamps
from peak_trade.data.table import Table
from peak_trade.domain.calendar import Interval
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PRICES = ("open", "high", "low", "close")
DROPPED = "rows dropped that cannot be right"
"""What ``skips`` does, in words."""

_COUNTS = ("trades", "count", "trade count", "number of trades", "num trades")
_ENOUGH = 20  # steps from which on an interval that none of them has is doubted
_MID = "bars are of quotes: prices are halfway between bid and ask, and there is no volume"


def read_bars(table: Table, form: Form, target: Target, mend: Mend) -> Import:
    """Read bars, judge every row, and mend what may be mended.

    Raises
    ------
    DataError
        No time or no close, stamps that cannot be read, an interval that the rows do not have,
        instruments that the target does not name.
    """
    read = table.frame.height
    table, notes, quoted = _mids(table, form)
    columns = find_columns(table, form.columns, stamp=form.stamp)
    flaws = Flaws(table)
    placed = stamped(
        table, columns.time, clock=columns.clock, form=form, flaws=flaws, symbol=columns.symbol
    )
    table, label = placed.table, target.symbol or table.symbol
    names = _names(table, columns, label)
    values = (
        *columns.tickers,
        *columns.prices.values(),
        *([columns.volume] * bool(columns.volume)),
    )
    cells = Flaws(table)
    table = numbers(
        table, [name for name in values if name], flaws=cells, stamps=placed.stamps, symbols=names
    )
    unreadable = cells.frame()
    flaws.extend(unreadable)
    reading = _reading(table, columns, placed.stamps, form, label)
    wanted = target.names(
        [one.symbol for one in reading.series],
        table.name,
        own=len(names) > 1 or bool(columns.symbol or columns.tickers),
        wanted=form.symbol,
    )
    reading = replace(reading, series=tuple(one for one in reading.series if one.symbol in wanted))
    judged = [(one, find_faults(reading, one)) for one in reading.series]
    step = _interval(reading, judged)
    made = [_made(reading, one, faults, step, mend, unreadable) for one, faults in judged]
    for one in made:
        flaws.extend(one.flaws)
    every = flaws.frame()
    is_strict = not (mend.repairs or mend.skips)
    left = every if is_strict else _concat([one.left for one in made]).sort("row")
    series = []
    filled = 0
    for one in made:
        key = SeriesKey("bars", target.venue, wanted[one.symbol], str(step))
        series.append(Imported(key, one.rows))
        filled += int(one.rows["is_filled"].sum()) if "is_filled" in one.rows.columns else 0
    if filled:
        notes.append(f"{filled:,} bars without a trade are marked as filled in: not tradable")
    notes.extend(_told(reading, step, form, placed.note, wanted))
    used = {columns.time, columns.clock, columns.symbol, *values, *quoted, *_says_filled(reading)}
    return Import(
        name=table.name,
        kind="bars",
        read=read,
        series=tuple(one for one in series if one.rows.height),
        report=_report(reading, every),
        flaws=every,
        left=left,
        mended=_all_mended(every, made, mend),
        notes=tuple(notes),
        left_out=tuple(name for name in table.frame.columns if name not in used),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What became of one instrument's rows."""

    symbol: str
    rows: "pl.DataFrame"
    flaws: "pl.DataFrame"
    left: "pl.DataFrame"
    mended: tuple[Mended, ...]


def _mids(table: Table, form: Form) -> tuple[Table, list[str], set[str]]:
    """Bars of bids and asks as bars of the prices halfway between them."""
    import polars as pl

    names = table.frame.columns
    if form.columns or any(key_of(name) in ("close", "c", "price") for name in names):
        return table, [], set()
    pairs = {
        side: [match_column(table, names, f"{quote} {side}") for quote in ("bid", "ask")]
        for side in PRICES
    }
    if any(name is None for pair in pairs.values() for name in pair):
        return table, [], set()
    frame = table.frame
    mids = {
        side: pl.Series((read_numbers(table, str(bid)) + read_numbers(table, str(ask))) / 2)
        for side, (bid, ask) in pairs.items()
    }
    frame = frame.with_columns(**mids)
    read = {str(name) for pair in pairs.values() for name in pair}
    return replace(table, frame=frame), [_MID], read


def _names(table: Table, columns: Columns, label: str) -> Sequence[str]:
    """Instrument of each row, as the file calls it; one where there is but one."""
    if columns.symbol is None:
        return ("",) if columns.tickers else (label,)
    import polars as pl

    return table.frame[columns.symbol].cast(pl.String).to_list()


def _reading(table: Table, columns: Columns, stamps: Stamps, form: Form, label: str) -> Reading:
    single = columns.symbol is None and not columns.tickers
    series = normalise(table, columns, stamps, symbol=label if single else None)
    step = None if form.interval is None else Interval.parse(form.interval)
    dates = are_dates(stamps, form.stamp)
    return Reading(table, columns, series, form.stamp, dates, step, form.calendar, None)


def _interval(reading: Reading, judged: list[tuple[Series, RowFaults]]) -> Interval:
    """The interval that was said or can be told; one that no two rows have is refused."""
    stamps = [one.stamps.utc[faults.sound] for one, faults in judged]
    said = reading.interval
    if said is None:
        return infer_interval(reading.table, stamps)
    steps = np.concatenate([np.diff(times) for times in stamps]) if stamps else np.empty(0)
    if said.unit in ("mo", "y", "w") or len(steps) < _ENOUGH or (steps <= said.ns).any():
        return said
    lengths, counts = np.unique(steps, return_counts=True)
    common = int(lengths[counts.argmax()])
    raise DataError(
        f"no two rows of {reading.table.name} are {said} apart, most are {common / 1e9:g} s apart",
        hint="give the interval that the bars have",
    )


def _made(
    reading: Reading,
    one: Series,
    faults: RowFaults,
    step: Interval,
    mend: Mend,
    unreadable: "pl.DataFrame",
) -> _Made:
    """Judge, mend and cut one instrument's rows."""
    broken = np.isin(rows_of(reading.table, one.rows), unreadable["row"].to_numpy())
    flaws = _flaws(reading, one, faults, broken)
    kept = _kept(one, faults, mend, broken)
    opens, closes = _spans(reading, one, kept, step)
    early = np.flatnonzero(opens[1:] < closes[:-1]) + 1
    overlaps = _overlaps(reading, one, kept[early], step)
    left = _concat([flaws.filter(flaws["kind"] == "conflict"), overlaps])
    if mend.skips:
        kept, left = kept[_apart(opens, closes)], left.clear()
        opens, closes = _spans(reading, one, kept, step)
    every = _concat([flaws, overlaps])
    if not (mend.repairs or mend.skips):
        left = every
    rows = _rows(reading, one, kept, (opens, closes), _values(one, faults, mend))
    return _Made(one.symbol, rows, every, left, _mendings(reading, one, faults, kept, mend))


def _flaws(reading: Reading, one: Series, faults: RowFaults, broken: Bools) -> "pl.DataFrame":
    """Every row of an instrument that cannot be right."""
    flaws = Flaws(reading.table)

    def shown(place: int) -> str:
        return ", ".join(f"{name} {float(v[place])}" for name, v in one.prices.items())

    def shown_volume(place: int) -> str:
        return f"volume {float(one.volume[place])}" if one.volume is not None else ""

    for kind, mask in (
        ("unsorted", faults.late),
        ("duplicate", faults.duplicate),
        ("conflict", faults.conflict),
        ("price", faults.price & ~broken),
        ("inconsistent", faults.inconsistent),
        ("volume", faults.volume),
    ):
        say = shown_volume if kind == "volume" else shown
        places = np.flatnonzero(mask)
        flaws.add(
            kind, rows_of(reading.table, one.rows[places]), symbols=one.symbol,
            times=one.stamps.utc[places], found=[say(int(k)) for k in places],
        )  # fmt: skip
    return flaws.frame()


def _overlaps(reading: Reading, one: Series, places: Ints, step: Interval) -> "pl.DataFrame":
    flaws = Flaws(reading.table)
    flaws.add(
        "overlap", rows_of(reading.table, one.rows[places]), symbols=one.symbol,
        times=one.stamps.utc[places],
        found=[f"less than {step} after the bar before"] * len(places),
    )  # fmt: skip
    return flaws.frame()


def _kept(one: Series, faults: RowFaults, mend: Mend, broken: Bools) -> Ints:
    """Places of the rows that stay, in order of time."""
    gone = faults.duplicate | faults.price
    if mend.skips:
        stamps = one.stamps.utc
        gone = gone | broken | np.isin(stamps, stamps[faults.conflict])
        if not mend.repairs:
            gone = gone | faults.inconsistent | faults.volume
    else:
        gone = gone | faults.conflict
    kept: Ints = faults.order[~gone[faults.order]]
    return kept


def _apart(opens: Ints, closes: Ints) -> Ints:
    """Places of bars that do not overlap the one kept before them, the first ones first."""
    kept, until = [], None
    for place, (begin, end) in enumerate(zip(opens.tolist(), closes.tolist(), strict=True)):
        if until is None or begin >= until:
            kept.append(place)
            until = end
    return np.array(kept, dtype=np.int64)


def _values(one: Series, faults: RowFaults, mend: Mend) -> tuple[dict[str, Floats], Floats | None]:
    """Prices and volume, mended where that is wanted."""
    prices, volume = dict(one.prices), one.volume
    if mend.repairs and faults.inconsistent.any():
        bad = faults.inconsistent
        sides = np.stack([prices[name][bad] for name in PRICES])
        for name, mended in (
            ("high", sides[[0, 1, 3]].max(axis=0)),
            ("low", sides[[0, 2, 3]].min(axis=0)),
        ):
            prices[name] = prices[name].copy()
            prices[name][bad] = mended
    if mend.repairs and volume is not None and faults.volume.any():
        volume = np.where(faults.volume, np.nan, volume)
    return prices, volume


def _mendings(
    reading: Reading, one: Series, faults: RowFaults, kept: Ints, mend: Mend
) -> tuple[Mended, ...]:
    """What was done to an instrument's rows, in words."""
    if not (mend.repairs or mend.skips):
        return ()
    stays = np.zeros(len(one.rows), dtype=np.bool_)
    stays[kept] = True
    kinds = [
        (REPAIRS["sorted"], faults.late),
        (REPAIRS["duplicate dropped"], faults.duplicate),
        (DROPPED, ~stays & ~faults.duplicate),
    ]
    if mend.repairs:
        kinds.append((REPAIRS["high or low widened"], faults.inconsistent & stays))
        kinds.append((REPAIRS["volume emptied"], faults.volume & stays))
    done = []
    for words, mask in kinds:
        rows = rows_of(reading.table, one.rows[np.flatnonzero(mask)])
        if len(rows):
            done.append(Mended(words, one.symbol, len(rows), tuple(rows.tolist())))
    return tuple(done)


def _all_mended(flaws: "pl.DataFrame", made: Sequence[_Made], mend: Mend) -> tuple[Mended, ...]:
    """Rows that had no time or no instrument, and what was done to the others."""
    if not (mend.repairs or mend.skips):
        return ()
    lost = flaws.filter(flaws["kind"].is_in(["stamp", "symbol"]))["row"].to_list()
    first = (Mended(DROPPED, "", len(lost), tuple(lost)),) if lost else ()
    return (*first, *(done for one in made for done in one.mended))


def _spans(reading: Reading, one: Series, kept: Ints, step: Interval) -> tuple[Ints, Ints]:
    stamps = Stamps(one.stamps.utc[kept], one.stamps.wall[kept], one.stamps.are_dates)
    return bar_spans(stamps, step, stamp=reading.stamp, dates=reading.dates)


def _rows(
    reading: Reading,
    one: Series,
    kept: Ints,
    spans: tuple[Ints, Ints],
    values: tuple[dict[str, Floats], Floats | None],
) -> "pl.DataFrame":
    """Columns of the kind ``bars``."""
    import polars as pl

    prices, volume = values
    columns: dict[str, npt.NDArray[np.generic]] = {"open_ns": spans[0], "close_ns": spans[1]}
    columns |= {name: prices[name][kept] for name in PRICES if name in prices}
    if volume is not None:
        columns["volume"] = volume[kept]
    filled = _filled(reading, one, volume)
    if filled is not None:
        columns["is_filled"] = filled[kept]
    return pl.DataFrame(columns)


def _filled(reading: Reading, one: Series, volume: Floats | None) -> Bools | None:
    """Bars that the file says were made up: by a column of its own, or by no trade at all."""
    import polars as pl

    table = reading.table
    own, count = _says_filled(reading)
    if own is not None:
        text = table.frame[own].cast(pl.String).str.to_lowercase().str.strip_chars()
        return text.is_in(["true", "1"]).fill_null(value=False).to_numpy()[one.rows]
    if count is None or volume is None:
        return None
    none = table.frame[count].cast(pl.Float64, strict=False) == 0
    silent = none.fill_null(value=False).to_numpy()[one.rows] & (volume == 0)
    return silent if silent.any() else None


def _says_filled(reading: Reading) -> tuple[str | None, str | None]:
    """Columns that tell whether a bar was filled in, and of how many trades it is."""
    table, names = reading.table, reading.table.frame.columns
    if reading.columns.tickers:
        return None, None
    counts = [match_column(table, names, key) for key in _COUNTS]
    count = next((name for name in counts if name is not None), None)
    return match_column(table, names, "is filled"), count


def _told(
    reading: Reading, step: Interval, form: Form, note: str, wanted: dict[str, str]
) -> list[str]:
    """How the file was understood, where that was not said."""
    notes = [note] if note else []
    if form.interval is None:
        notes.append(f"the interval {step} was told from the stamps")
    renamed = [f"{old} is stored as {new}" for old, new in wanted.items() if old != new]
    if reading.columns.symbol or reading.columns.tickers:
        notes.extend(renamed)
        late = int((np.diff(_all_stamps(reading)) < 0).sum()) if reading.columns.symbol else 0
        if late:
            notes.append(interleaved(late))
    return notes


def _all_stamps(reading: Reading) -> Ints:
    stamps = np.zeros(reading.table.frame.height, dtype=np.int64)
    seen = np.zeros(len(stamps), dtype=np.bool_)
    for one in reading.series:
        stamps[one.rows], seen[one.rows] = one.stamps.utc, True
    return stamps[seen]


def _report(reading: Reading, flaws: "pl.DataFrame") -> DataReport:
    """Sum up: what cannot be right from the rows, what is suspect from the bars."""
    checked = check_reading(reading)
    table = reading.table

    def placed(found: Finding) -> Finding:
        if table.rows is None:
            return found
        examples = tuple(replace(one, row=table.place(one.row)) for one in found.examples)
        return replace(found, rows=rows_of(table, found.rows), examples=examples)

    rest = [placed(found) for found in checked.findings if found.severity != "error"]
    return replace(checked, findings=ordered([*findings_of(flaws), *rest]))


def _concat(frames: "Sequence[pl.DataFrame]") -> "pl.DataFrame":
    import polars as pl

    return pl.concat(frames) if frames else Flaws(Table(pl.DataFrame(), "", "")).frame()
