"""Options and settings name the same things."""

import inspect
from pathlib import Path
from typing import get_args

import pytest

from peak_trade.app.cli import backtest, causality, sweep
from peak_trade.app.cli.options import KEYS
from peak_trade.app.config import configure
from peak_trade.app.settings import Measure, Settings
from peak_trade.stats.performance import STATISTICS


def test_every_option_stands_for_a_key_that_exists() -> None:
    known = configure(Settings, Path("no/such/folder"), environ={}).settings
    assert set(KEYS.values()) <= set(known)


def test_every_key_of_account_data_and_sweep_has_its_option() -> None:
    known = configure(Settings, Path("no/such/folder"), environ={}).settings
    wanted = {key for key in known if key.startswith(("backtest.", "data.", "sweep."))}
    assert wanted == set(KEYS.values())


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        (backtest.run, {"sort", "top", "threads"}),
        (sweep.run, {"engine"}),
    ],
)
def test_command_offers_every_option_but_those_of_others(command, absent: set[str]) -> None:
    assert set(KEYS) - set(inspect.signature(command).parameters) == absent


def test_causality_offers_the_options_of_data() -> None:
    data = {name for name, key in KEYS.items() if key.startswith("data.")}
    assert data <= set(inspect.signature(causality.run).parameters)


def test_measures_that_sort_are_the_statistics() -> None:
    assert get_args(Measure) == tuple(STATISTICS)
