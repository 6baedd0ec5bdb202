"""Law 3 under any terms: the row-by-row loop books what the Session books, bit for bit."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from laws.markets import HOUR, Case, cases
from laws.rich_markets import BEGIN, rich_cases
from laws.test_substitution import difference

from peak_trade.domain.actions import Actions
from peak_trade.domain.bars import Bars
from peak_trade.domain.costs import Costs, Fees
from peak_trade.domain.errors import PeakTradeError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import Reason
from peak_trade.domain.record import Record
from peak_trade.domain.terms import Terms
from peak_trade.engine import fast, walk
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.engine.sheet import Sheet
from peak_trade.kernels import books, exits, limits

SAMPLE = 2500
QUIET = 20  # rows that a row of a case is drawn out to, so that little happens in most of them

MARKS = (
    *(reason.name for reason in Reason if reason < Reason.END),
    "borrow", "dividend", "financing", "funding", "interest", "split",
    "max_daily_loss", "max_drawdown", "shortfall", "refused", "ambiguous",
)  # fmt: skip


def sheet_of(case: Case) -> Sheet:
    return Sheet.of(case.bars, case.terms, case.actions, case.start)


def is_taken(case: Case, sheet: Sheet) -> bool:
    """Whether the row-by-row loop, and not the one for plain terms, trades a case."""
    declined = fast.declines(case.bars, case.terms, sheet, has_detail=False)
    return not declined and bool(case.bars.tradable.all() and case.bars.is_aligned)


def by_session(case: Case, sheet: Sheet) -> Record:
    stop = len(case.bars)
    source = StoredRows(case.targets)
    return Session(
        case.bars, source, start=case.start, stop=stop, terms=case.terms, sheet=sheet
    ).run()


def by_walk(case: Case, sheet: Sheet) -> Record:
    setting = walk.Setting.of(case.bars, case.start, len(case.bars), case.terms, sheet)
    return walk.run(setting, case.targets, "case")


def outcome(engine, case: Case, sheet: Sheet) -> Record | type:
    try:
        return engine(case, sheet)
    except PeakTradeError as error:
        return type(error)


def disagreement(case: Case, sheet: Sheet) -> str:
    ours, theirs = (outcome(engine, case, sheet) for engine in (by_session, by_walk))
    if isinstance(ours, type) or isinstance(theirs, type):
        return "" if ours == theirs else f"{ours} {theirs}"
    return difference(ours, theirs)


def events(record: Record) -> Counter[str]:
    """How often each feature left its mark on a record."""
    found = Counter(Reason(code).name for code in record.fills.reason.tolist())
    found.update(record.flows.kind)
    found.update({record.halted: 1} if record.halted else {})
    counts = record.counts
    found.update(shortfall=counts.shortfalls, refused=counts.refused, ambiguous=record.ambiguous)
    return found


def drawn_out(case: Case, rng: np.random.Generator) -> Case:
    """The case's account and targets on a market that moves little from bar to bar."""
    rows = QUIET * len(case.bars)
    tick = min(instrument.tick for instrument in case.bars.instruments)
    sigma = float(rng.choice([0.0005, 0.002, 0.006]))
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, sigma, rows)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, sigma / 5, rows))
    wick = rng.exponential(sigma / 2, (2, rows))
    close, open_ = (np.maximum(np.round(x / tick) * tick, tick) for x in (close, open_))
    time = BEGIN + (np.arange(rows, dtype=np.int64) + 1) * HOUR
    only = bool(case.bars.close_only[0])
    bars = Bars.from_arrays(
        close,
        open=None if only else open_,
        high=None if only else np.maximum(open_, close) * (1 + wick[0]),
        low=None if only else np.minimum(open_, close) * (1 - wick[1]),
        volume=rng.uniform(0, 2e4, rows),
        time=time,
        instruments=case.bars.instruments,
        interval="1h",
        features={"half_spread": np.full(rows, 0.01)},
    )
    actions = Actions() if case.actions is None else case.actions.within(bars)
    return replace(case, bars=bars, targets=np.repeat(case.targets, QUIET, axis=0), actions=actions)


@settings(max_examples=1500)
@given(rich_cases(1))
def test_rich_terms_book_what_the_session_books(case: Case) -> None:
    sheet = sheet_of(case)
    assume(is_taken(case, sheet))
    assert disagreement(case, sheet) == ""


@settings(max_examples=250)
@given(rich_cases(1), st.integers(0, 2**32 - 1))
def test_quiet_markets_book_what_the_session_books(case: Case, seed: int) -> None:
    long = drawn_out(case, np.random.default_rng(seed))
    sheet = sheet_of(long)
    assume(is_taken(long, sheet))
    assert disagreement(long, sheet) == ""


@settings(max_examples=700)
@given(cases(width=1))
def test_plain_terms_book_what_the_segments_book(case: Case) -> None:
    sheet = sheet_of(case)
    assume(is_taken(case, sheet))
    trading = fast.Trading.of(case.bars, case.start, len(case.bars))
    try:
        by_segments = fast.run(trading, case.targets, case.terms, "case")
    except PeakTradeError as error:
        with pytest.raises(type(error)):
            by_walk(case, sheet)
    else:
        assert difference(by_segments, by_walk(case, sheet)) == ""


@settings(max_examples=300)
@given(rich_cases(1))
def test_boolean_targets_book_what_their_floats_book(case: Case) -> None:
    flags = np.nan_to_num(case.targets) > 0
    case, sheet = replace(case, targets=flags.astype(float)), sheet_of(case)
    assume(is_taken(case, sheet))
    ours = outcome(by_walk, case, sheet)
    theirs = outcome(by_walk, replace(case, targets=flags), sheet)
    if isinstance(ours, type) or isinstance(theirs, type):
        assert ours == theirs
    else:
        assert difference(ours, theirs) == ""


# --- that the laws above can fail ---------------------------------------------------------------


@pytest.fixture(scope="module")
def sample() -> list[tuple[Case, Sheet, Record]]:
    """Runs of the Session under rich terms, the same ones every time."""
    found: list[tuple[Case, Sheet, Record]] = []

    @settings(max_examples=SAMPLE, derandomize=True, database=None)
    @given(rich_cases(1), st.integers(0, 2**32 - 1), st.sampled_from([False] * 9 + [True]))
    def collect(case: Case, seed: int, draws_out: bool) -> None:
        if draws_out:
            case = drawn_out(case, np.random.default_rng(seed))
        sheet = sheet_of(case)
        if is_taken(case, sheet) and isinstance(ours := outcome(by_session, case, sheet), Record):
            found.append((case, sheet, ours))

    collect()
    for case in short_of_cash():
        sheet = sheet_of(case)
        found.append((case, sheet, by_session(case, sheet)))
    return found


def short_of_cash() -> list[Case]:
    """Buyers of all they can, for a fee of nearly all they have: 64 factors do not bring it down."""
    terms = Terms(cash=1000.0, costs=Costs(fees=Fees(fixed=995.0, taker=0.01)))
    return [
        Case(
            Bars.from_arrays(
                np.full(4, price), open=[price] * 4, instruments=[Instrument("X", lot=0.01)]
            ),
            np.ones((4, 1)),
            0,
            terms,
        )
        for price in np.arange(3.0, 60.0, 1.7)
    ]


def test_every_feature_leaves_its_mark_on_the_sample(sample) -> None:
    seen = sum((events(record) for _, _, record in sample), Counter[str]())
    assert {name for name in MARKS if seen[name] < 2} == set()


def _with_knob(place: int, change) -> object:
    def fault(setting: walk.Setting) -> None:
        setting.packed[1][place] = change(setting.packed[1][place])

    return fault


def _with_array(pick, change) -> object:
    def fault(setting: walk.Setting) -> None:
        array = pick(setting.packed)
        array[...] = change(array.copy())

    return fault


def _flip(value: float) -> float:
    return 1.0 - value


def _more(value: float) -> float:
    return value * 1.01


def _later(value: np.ndarray) -> np.ndarray:
    return np.concatenate((value[:1], value[:-1])) if len(value) else value


def _changed(place: int):
    def change(values: np.ndarray) -> np.ndarray:
        values[place] = 1.5 * values[place]
        return values

    return change


FAULTS = {
    "fees of the first row": _with_knob(books.W_FEES_CHANGE, lambda _: 0.0),
    "fees without minimum": _with_array(lambda p: p[3][5][:, 2], lambda x: x * 0.0),
    "fee tiers of twice the volume": _with_array(lambda p: p[3][6][:, :, 0], lambda x: 2 * x),
    "maker and taker swapped": _with_array(lambda p: p[3][5][:, 4:6], lambda x: x[:, ::-1]),
    "slip of another bar": _with_array(lambda p: p[3][2], _later),
    "half spread of another bar": _with_array(lambda p: p[3][1], _later),
    "slip without impact": _with_array(lambda p: p[3][0][1:], lambda x: x * 0.5),
    "increases scaled once": _with_knob(books.W_REPEATS, _flip),
    "borrow a little dearer": _with_knob(books.W_BORROW, _more),
    "interest a little higher": _with_knob(books.W_INTEREST, _more),
    "financing a little dearer": _with_knob(books.W_RATE, _more),
    "maintenance a little higher": _with_knob(books.W_MAINTENANCE, _more),
    "more leverage": _with_knob(books.W_LEVERAGE, _more),
    "liquidation without its fee": _with_knob(books.W_LIQUIDATION_FEE, lambda _: 0.0),
    "band a little wider": _with_knob(books.W_BAND, _more),
    "calendar forgotten": _with_knob(books.W_CALENDAR, lambda _: 0.0),
    "looked at on changes alone": _with_knob(books.W_EVERY_BAR, lambda _: 0.0),
    "weight not looked at": _with_knob(books.W_BY_WEIGHT, lambda _: 0.0),
    "factors of another row": _with_array(lambda p: p[5][0], _later),
    "account's scale forgotten": _with_array(lambda p: p[5][1], lambda x: x * np.nan),
    "extremes in the other order": _with_knob(books.W_FAVOURABLE, _flip),
    "reentry the other way": _with_knob(books.W_STATED, _flip),
    "halt that closes the other way": _with_knob(books.W_FLATTEN, _flip),
    "levels that never move": _with_knob(books.W_MOVES, lambda _: 0.0),
    "returns on investment later": _with_array(lambda p: p[4][1][:, 0], lambda x: x + 240.0),
    "partials of other shares": _with_array(lambda p: p[4][2][:, 1], lambda x: 0.5 * x),
    "range of another row": _with_array(lambda p: p[4][3], _later),
    "actions a row late": _with_array(lambda p: p[7][0][:, 0], lambda x: x + 1),
    "actions inside at the open": _with_array(lambda p: p[7][0][:, 1], lambda x: 1 - x),
    **{
        f"exit number {place} elsewhere": _with_array(lambda p: p[4][0], _changed(place))
        for place in range(exits.EXITS)
        if place not in (exits.E_MAX_BARS, exits.E_CONVENTION)
    },
    "time stop a bar later": _with_array(
        lambda p: p[4][0][exits.E_MAX_BARS : exits.E_MAX_BARS + 1], lambda x: x + 1
    ),
    **{
        f"limit number {place} elsewhere": _with_array(
            lambda p: p[6], lambda x, place=place: np.where(np.arange(len(x)) == place, 0.9 * x, x)
        )
        for place in range(limits.LIMITS)
    },
}


def _is_found(fault, case: Case, sheet: Sheet, record: Record) -> bool:
    setting = walk.Setting.of(case.bars, case.start, len(case.bars), case.terms, _own(sheet))
    fault(setting)
    try:
        return difference(record, walk.run(setting, case.targets, "case")) != ""
    except PeakTradeError:
        return True


def _own(sheet: Sheet) -> Sheet:
    """A sheet whose arrays a fault may change."""
    copies = {
        name: value.copy()
        for name in sheet.__slots__
        if isinstance(value := getattr(sheet, name), np.ndarray)
    }
    return replace(sheet, **copies)


def test_walk_without_a_fault_books_what_the_session_booked(sample) -> None:
    assert not any(_is_found(lambda _: None, *run) for run in sample)


@pytest.mark.parametrize("name", FAULTS)
def test_fault_in_the_walk_is_found(name: str, sample) -> None:
    assert any(_is_found(FAULTS[name], *run) for run in sample)
