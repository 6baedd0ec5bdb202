"""Probabilistic and deflated Sharpe ratios against the figures that their papers print."""

import json

import pytest

from peak_trade.stats import deflation


@pytest.fixture(scope="module")
def published(shared):
    return json.loads((shared / "cases" / "sharpe_inference.json").read_text(encoding="utf-8"))


def moments(given):
    return {"skew": given["skew"], "kurtosis": given["kurt"]}


def test_probabilistic_sharpe_of_the_published_cases_equals_the_published(published):
    cases = published["psr"]["cases"]
    assert len(cases) == 1
    for case in cases:
        given = case["inputs"]
        found = deflation.probabilistic_sharpe(
            given["SR"], given["T"], benchmark=given["SR_star"], **moments(given)
        )
        assert found == pytest.approx(case["expected"], abs=case["tolerance"])
        assert found == pytest.approx(case["full"], abs=1e-12)


def test_min_track_record_length_of_the_published_cases_equals_the_published(published):
    cases = published["min_trl"]["cases"]
    assert len(cases) == 2
    for case in cases:
        given = case["inputs"]
        year = given["periods"] ** 0.5
        found = deflation.min_track_record_length(
            given["annual_SR"] / year, benchmark=given["annual_SR_star"] / year, **moments(given)
        )
        years = found / given["periods"]
        assert years == pytest.approx(case["expected_years"], abs=case["tolerance"])
        assert years == pytest.approx(case["full"], abs=1e-9)


def test_deflated_sharpe_of_the_published_cases_equals_the_published(published):
    cases = published["dsr"]["cases"]
    assert len(cases) == 2
    for case in cases:
        given, expected = case["inputs"], case["expected"]
        year = given["periods"] ** 0.5
        deviation = given["annual_var_trials"] ** 0.5 / year
        found = deflation.deflated_sharpe(
            given["annual_SR"] / year,
            given["T"],
            trials=given["N"],
            deviation=deviation,
            **moments(given),
        )
        assert found == pytest.approx(expected["DSR"], abs=case["tolerance"])
        assert found == pytest.approx(case["full"]["DSR"], abs=1e-9)
        if "SR0" in expected:
            luck = deflation.expected_max_sharpe(deviation, given["N"])
            assert luck == pytest.approx(expected["SR0"], abs=case["tolerance"])
            assert luck == pytest.approx(case["full"]["SR0"], abs=1e-12)
