"""Dividends, splits and delistings of a file, and rows of it that are none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from peak_trade.data.actions import load_actions
from peak_trade.data.findings import DataReport, stamp_text
from peak_trade.data.imports.bars import DROPPED
from peak_trade.data.imports.flaws import Flaws, Mended, findings_of
from peak_trade.data.imports.form import Form, Target
from peak_trade.data.imports.found import Import, Imported, Mend
from peak_trade.data.series import SeriesKey
from peak_trade.data.table import Table
from peak_trade.domain.actions import Actions, Delisting, Dividend, StockSplit
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl

_TRIES = 200


def read_actions(table: Table, form: Form, target: Target, mend: Mend) -> Import:
    """Read actions as :func:`peak_trade.data.actions.load_actions` does, but judge every row.

    Dividends of one day are added up: the store keeps one a day. Funding rates are another kind.

    Raises
    ------
    DataError
        No column of actions or times, or instruments that the target does not name.
    """
    flaws = Flaws(table)
    actions = _sound(table, form, target, flaws)
    every = flaws.frame()
    notes: list[str] = []
    found = list(actions.symbols)
    own = found != [target.symbol]
    wanted = target.names(found, table.name, own=own, wanted=form.symbol) if found else {}
    series = []
    for name, symbol in wanted.items():
        rows = _rows(actions, name, notes)
        series.append(Imported(SeriesKey("actions", target.venue, symbol), rows))
    notes.extend(f"{old} is stored as {new}" for old, new in wanted.items() if old != new)
    is_mended = mend.repairs or mend.skips
    places = tuple(every["row"].sort().to_list())
    mended = (Mended(DROPPED, "", len(places), places),) if is_mended and places else ()
    return Import(
        name=table.name,
        kind="actions",
        read=table.frame.height,
        series=tuple(one for one in series if one.rows.height),
        report=DataReport(
            table.name, table.frame.height, "", tuple(wanted), (), tuple(findings_of(every))
        ),
        flaws=every,
        left=every.clear() if is_mended else every,
        mended=mended,
        notes=tuple(notes),
    )


def _sound(table: Table, form: Form, target: Target, flaws: Flaws) -> Actions:
    """The actions that can be; what cannot is noted, one row after the other."""
    frame = table.frame
    places = np.arange(frame.height)
    columns: Mapping[str, str] | None = form.columns
    named = {"symbol", "ticker", "asset"} & {name.strip().lower() for name in frame.columns}
    symbol = None if named or (columns and "symbol" in columns) else target.symbol
    for _ in range(_TRIES):
        if not len(places):
            return Actions.of(())
        try:
            found = load_actions(
                frame[places], symbol=symbol, timezone=form.timezone, columns=columns
            )
        except DataError as error:
            row = error.fields.get("row")
            if not isinstance(row, int):
                raise
            words = error.message.replace(" of frame", "").replace(f"row {row}", "this row")
            _note(flaws, int(places[row]), words)
            places = np.delete(places, row)
            continue
        return found
    raise DataError(
        f"more than {_TRIES} rows of {table.name} are no actions", hint="check its columns"
    )


def _note(flaws: Flaws, row: int, words: str) -> None:
    flaws.add("action", np.array([row]), symbols="", times=None, found=[words])


def _rows(actions: Actions, name: str, notes: list[str]) -> "pl.DataFrame":
    import polars as pl

    values: dict[tuple[int, str], float] = {}
    counts: dict[int, int] = {}
    for action in actions:
        if action.symbol != name:
            continue
        if isinstance(action, Dividend):
            key, value = (action.time_ns, "dividend"), action.amount
        elif isinstance(action, StockSplit):
            key, value = (action.time_ns, "split"), action.numerator / action.denominator
        elif isinstance(action, Delisting):
            key, value = (action.time_ns, "delisting"), _last_price(action)
        else:
            raise DataError(
                f"{name} has funding rates among its actions", hint="import them as funding"
            )
        values[key] = values.get(key, 0.0) + value
        counts[key[0]] = counts.get(key[0], 0) + isinstance(action, Dividend)
    notes.extend(
        f"{name}: {count} dividends of {stamp_text(when)} were added up"
        for when, count in counts.items()
        if count > 1
    )
    return pl.DataFrame(
        {
            "time_ns": pl.Series([when for when, _ in values], dtype=pl.Int64),
            "action": pl.Series([kind for _, kind in values], dtype=pl.String),
            "value": pl.Series(list(values.values()), dtype=pl.Float64),
        }
    )


def _last_price(action: Delisting) -> float:
    if action.price is None:
        raise DataError(
            f"the delisting of {action.symbol} at {stamp_text(action.time_ns)} has no price",
            hint="give the last price that was paid; the store keeps no row without a value",
        )
    return action.price
