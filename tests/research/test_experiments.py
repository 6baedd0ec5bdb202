"""Runs are recorded, found again and compared."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import InputError, JournalError, ParameterError
from peak_trade.domain.terms import Costs, Exits
from peak_trade.research import experiments
from peak_trade.research.backtest import Backtest, backtest
from peak_trade.research.experiments import (
    compare_runs,
    facts_of,
    get_run,
    list_runs,
    record_run,
)
from peak_trade.research.run import Origin, Run, run_of, source_digest
from peak_trade.research.sweep import Sweep, sweep
from peak_trade.strategies import EmaCross, MaCross

CLOSES = 100 + 10 * np.sin(np.arange(200) / 7.0)
BARS = Bars.from_arrays(CLOSES, name="waves")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/journal.sqlite"


def made(fast: int = 3, commission: float = 0.0) -> Backtest:
    return backtest(MaCross(fast=fast, slow=8), BARS, costs=Costs(commission=commission))


def swept() -> Sweep:
    return sweep(MaCross, BARS, {"fast": [2, 3, 9], "slow": [8]})


def at(run: Run, finished_ns: int, **changes: object) -> Run:
    return replace(run, finished_ns=finished_ns, **changes)


def test_record_run_keeps_what_the_result_says(url: str) -> None:
    result = made(commission=0.001)
    kept = record_run(result, label="waves", tags=["b", "a", "b"], url=url)
    found = get_run(result.run, url=url)
    assert found == kept
    assert (found.id, found.kind, found.label, found.tags) == (
        result.run,
        "backtest",
        "waves",
        ("a", "b"),
    )
    assert (found.strategy_name, found.params) == ("MaCross", {"fast": 3, "slow": 8})
    assert found.data_fingerprint == BARS.fingerprint
    assert (found.data["bars"], found.data["anchor"]) == (200, found.data["from"])
    assert (found.data["start"], found.data["stop"]) == (0, 200)
    assert found.terms["costs"]["commission"] == 0.001
    assert found.stats["sharpe"] == result.stats["sharpe"]
    assert found.stats["equity_final"] == result.equity_final
    assert found.warnings == list(result.warnings)
    assert found.code_version == result.to_dict()["code_version"]
    assert found.request is None
    assert found.to_dict()["started"] is None


def test_record_run_twice_is_refused_and_names_the_run(url: str) -> None:
    result = made()
    record_run(result, url=url)
    with pytest.raises(JournalError, match=f"{result.run} is recorded already"):
        record_run(result, url=url)
    assert len(list_runs(url=url)) == 1


def test_run_of_both_engines_has_one_digest() -> None:
    exits = Exits(stop_loss=0.03)
    bars = Bars.from_arrays(CLOSES, open=CLOSES, high=CLOSES + 1, low=CLOSES - 1, name="waves")
    one, other = (
        backtest(MaCross(fast=3, slow=8), bars, exits=exits, engine=engine)
        for engine in ("fast", "session")
    )
    assert (one.engine, other.engine) == ("fast", "session")
    assert run_of(one).result_digest == run_of(other).result_digest
    assert run_of(one).result_digest != run_of(made()).result_digest


def test_record_run_of_a_sweep_counts_its_trials(url: str) -> None:
    result = swept()
    record_run(result, url=url, origin=Origin(kind=MaCross))
    found = get_run("last", url=url)
    assert (found.kind, found.trials) == ("sweep", 2)
    assert found.params["best"] == result.best.params
    assert found.params["grid"]["fast"] == [2, 3, 9]
    assert found.stats["sharpe"] == result.best.stats["sharpe"]
    assert found.result_digest == run_of(swept()).result_digest
    assert found.strategy_digest == source_digest(MaCross) != ""


def test_run_knows_how_it_was_asked_for(url: str) -> None:
    origin = Origin("mine.py:M", "file:a.csv", {"asked": {}}, {"a.b": 1}, 5_000_000_000, 1.5)
    found = record_run(made(), origin=origin, url=url)
    assert (found.strategy, found.data_source) == ("mine.py:M", "file:a.csv")
    assert (found.started_ns, found.finished_ns) == (5_000_000_000, 6_500_000_000)
    assert found.to_dict()["finished"] == "1970-01-01T00:00:06Z"
    assert get_run("last", url=url).request == {"asked": {}}
    assert found.config_digest != run_of(made()).config_digest


@pytest.mark.parametrize(("label", "tags"), [("x" * 201, ()), ("", ("",)), ("", ("a" * 101,))])
def test_record_run_with_words_that_cannot_be_kept_is_refused(
    url: str, label: str, tags: tuple[str, ...]
) -> None:
    with pytest.raises(ParameterError):
        record_run(made(), label=label, tags=tags, url=url)


@pytest.fixture
def four(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Three backtests and a sweep of 2024 and 2025, recorded out of order."""
    day = 86_400_000_000_000
    entries = [
        (made(3), 20_000 * day, "aaa3", ("x",), "mid"),
        (made(4), 20_100 * day, "aab4", ("x", "y"), "new"),
        (backtest(EmaCross(fast=3, slow=8), BARS), 19_800 * day, "aaa1", (), "old"),
        (swept(), 19_900 * day, "abc2", (), "mid"),
    ]
    for result, finished, run_id, tags, label in entries:
        described = at(run_of(result, label=label, tags=tags), finished, id=run_id)
        with monkeypatch.context() as patch:
            patch.setattr(experiments, "run_of", lambda *_, run=described, **__: run)
            record_run(result, url=url)
    return url


def test_list_runs_is_newest_first_and_counts_to_its_limit(four: str) -> None:
    assert [run.id for run in list_runs(url=four)] == ["aab4", "aaa3", "abc2", "aaa1"]
    assert [run.id for run in list_runs(url=four, limit=2)] == ["aab4", "aaa3"]
    assert list_runs(url=four)[0].tags == ("x", "y")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"strategy": "EmaCross"}, ["aaa1"]),
        ({"strategy": "MaCross", "kind": "backtest"}, ["aab4", "aaa3"]),
        ({"kind": "sweep"}, ["abc2"]),
        ({"label": "mid"}, ["aaa3", "abc2"]),
        ({"tag": "y"}, ["aab4"]),
        ({"tag": "z"}, []),
        ({"since": "2024-10-04"}, ["aab4", "aaa3"]),
        ({"since": "2024-10-04T00:00:01+00:00"}, ["aab4"]),
    ],
)
def test_list_runs_filters(four: str, wanted: dict[str, str], expected: list[str]) -> None:
    # 20,000 days after 1970-01-01 is 2024-10-04.
    assert [run.id for run in list_runs(url=four, **wanted)] == expected


@pytest.mark.parametrize("wanted", [{"since": "yesterday"}, {"limit": 0}])
def test_list_runs_refuses_what_is_no_date_or_count(url: str, wanted: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        list_runs(url=url, **wanted)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [("aab4", "aab4"), ("AAB", "aab4"), ("ab", "abc2"), ("last", "aab4"), ("last~3", "aaa1")],
)
def test_get_run_finds_ids_beginnings_and_the_last(
    four: str, reference: str, expected: str
) -> None:
    assert get_run(reference, url=four).id == expected


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("aa", "beginning of several: aab4, aaa3, aaa1"),
        ("aac4", "did you mean aab4"),
        ("zzzz", "peak runs list"),
        ("%", "is not recorded"),
        ("last~4", "is not recorded"),
        ("", "beginning of several"),
    ],
)
def test_get_run_of_none_or_several_says_which(four: str, reference: str, message: str) -> None:
    with pytest.raises(JournalError, match=message):
        get_run(reference, url=four)


def test_get_run_of_an_empty_database_says_that_nothing_is_recorded(url: str) -> None:
    with pytest.raises(JournalError, match="no run is recorded yet"):
        get_run("last", url=url)


def test_compare_runs_names_what_differs_and_nothing_else(url: str) -> None:
    first = record_run(made(3), url=url)
    second = record_run(made(4, commission=0.001), url=url)
    found = compare_runs([first.id, second.id], url=url)
    assert found.differences == {"params.fast": (3, 4), "terms.costs.commission": (0.0, 0.001)}
    assert found.stats["fees"] == (0.0, second.stats["fees"])
    assert set(found.stats) == set(first.stats)
    assert found.to_dict()["same_result"] is False


def test_compare_runs_of_other_data_names_the_fingerprints(url: str) -> None:
    other = Bars.from_arrays(CLOSES[:150], name="waves")
    runs = [
        record_run(backtest(MaCross(fast=3, slow=8), bars), url=url).id for bars in (BARS, other)
    ]
    found = compare_runs(runs, url=url).differences
    assert found["data.fingerprint"] == (BARS.fingerprint, other.fingerprint)
    assert found["data.bars"] == (200, 150)
    assert "data.from" not in found


def test_run_of_a_part_of_the_bars_tells_the_anchor_from_the_first_trade() -> None:
    data = run_of(
        backtest(MaCross(fast=3, slow=8), BARS, start="1970-01-31", end="1970-02-09")
    ).data
    assert (data["start"], data["stop"], data["bars"]) == (30, 40, 10)
    assert data["anchor"] == "1970-01-01T00:00:00Z"
    assert (data["from"], data["to"]) == ("1970-01-31T00:00:00Z", "1970-02-09T00:00:00Z")


def test_compare_runs_of_equal_results_says_so(url: str) -> None:
    runs = [record_run(made(), url=url).id for _ in range(2)]
    found = compare_runs(runs, url=url)
    assert found.differences == {}
    assert found.to_dict()["same_result"] is True


def test_compare_runs_needs_two_of_them(url: str) -> None:
    run = record_run(made(), url=url)
    for named in ([run.id], [run.id, "last"]):
        with pytest.raises(InputError, match="two or more different runs"):
            compare_runs(named, url=url)


def test_facts_of_a_run_have_no_type_that_its_name_has_already() -> None:
    facts = facts_of(run_of(made()))
    assert "terms.costs.commission" in facts
    assert "terms.costs.type" not in facts
    assert "terms.type" not in facts
