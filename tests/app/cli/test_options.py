"""Options and settings name the same things."""

import inspect
from pathlib import Path
from typing import get_args

import pytest

from peak_trade.app.cli import backtest, causality, options, sweep
from peak_trade.app.config import configure
from peak_trade.app.keys import KEYS
from peak_trade.app.settings import Measure, Settings
from peak_trade.data.fees import venues_with_fees
from peak_trade.portfolio.size import SIZERS
from peak_trade.stats.performance import STATISTICS


def test_every_option_stands_for_a_key_that_exists() -> None:
    known = configure(Settings, Path("no/such/folder"), environ={}).settings
    assert set(KEYS.values()) <= set(known)


def test_every_key_of_account_data_sizing_and_sweep_has_its_option() -> None:
    known = configure(Settings, Path("no/such/folder"), environ={}).settings
    sections = ("backtest.", "data.", "sizing.", "sweep.", "journal.record")
    common = ("costs.", "exits.", "margin.", "risk.")  # the rest of these is for files and --set
    wanted = {key for key in known if key.startswith(sections)} - {"data.store"}  # a place
    assert wanted == {key for key in KEYS.values() if not key.startswith(common)}


def test_no_key_has_two_options() -> None:
    assert len(set(KEYS.values())) == len(KEYS)


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


@pytest.mark.parametrize(
    ("option", "key", "names"),
    [
        (options.Fees, "costs.fees", venues_with_fees()),
        (options.Sizer, "sizing.sizer", sorted(SIZERS)),
    ],
)
def test_help_and_meaning_name_every_venue_and_sizer(option, key: str, names) -> None:
    meaning = configure(Settings, Path("no/such/folder"), environ={}).explain(key).description
    (declared,) = option.__metadata__
    for text in (meaning, declared.help):
        assert not [name for name in names if name not in text]
