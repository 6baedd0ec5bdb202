"""The measured import, at a small count: faults that were planted are found, and no row is lost."""

import pytest

from benchmarks.data.imports import FAULTS, measure, minutes
from peak_trade.data.imports.flaws import ERRORS


@pytest.fixture(scope="module")
def figures():
    return {figure.what.partition(",")[0]: figure for figure in measure(0.002)}


def test_claims_of_the_measured_import_hold_at_a_small_count(figures) -> None:
    claims = [figure for figure in figures.values() if not figure.is_speed]
    assert len(claims) == 3
    assert all(figure.holds for figure in claims), claims


def test_faults_that_are_planted_are_of_known_kinds() -> None:
    assert {kind for kind, _, _ in FAULTS} <= set(ERRORS)


def test_minutes_that_are_made_up_are_sound_and_the_same_each_time() -> None:
    frame = minutes(500)
    assert frame.equals(minutes(500))
    assert (frame["high"] >= frame.select("open", "close").max_horizontal()).all()
    assert (frame["low"] <= frame.select("open", "close").min_horizontal()).all()
    assert (frame["low"] > 0).all()
