"""Features as texts: what is read, and what is refused with a hint."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.data.features import feature_of, features_known, id_of
from peak_trade.data.features.texts import FeatureText
from peak_trade.domain.errors import InputError, ParameterError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rsi", ("rsi", 0, {})),
        (" rsi ( period = 14 ) ", ("rsi", 0, {"period": 14})),
        ("rsi@3()", ("rsi", 3, {})),
        ("talib.macd(output='macdhist')", ("talib.macd", 0, {"output": "macdhist"})),
        (
            "f(a=-1, b=2.5, c=True, d='x, (y)')",
            ("f", 0, {"a": -1, "b": 2.5, "c": True, "d": "x, (y)"}),
        ),
        ('zscore(of="rsi(period=3)")', ("zscore", 0, {"of": "rsi(period=3)"})),
    ],
)
def test_text_is_read(text, expected):
    read = FeatureText.parse(text)
    assert (read.name, read.version, read.params) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no feature"),
        ("rsi(", "is no feature"),
        ("rsi(period=14", "is no feature"),
        ("rsi(14)", "has no name"),
        ("rsi(period=n)", "no number"),
        ("rsi(period=[1])", "no number"),
        ("rsi(period=__import__('os').getcwd())", "no number"),
        ("rsi(**{'period': 1})", r"\*\* of feature"),
        ("rsi(period=1, period=2)", "twice|cannot be read"),
        ("rsi(period=1) + f(1)", "cannot be read"),
        ("rsi@0", "below 1"),
        ("1rsi", "is no feature"),
        ("rsi(period=1" + "0" * 20_000 + ")", "is no feature"),
    ],
)
def test_wrong_text_is_refused(text, message):
    with pytest.raises(ParameterError, match=message):
        FeatureText.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_as_bad_input(text):
    with contextlib.suppress(InputError):
        feature_of(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rsy(period=14)", "did you mean rsi"),
        ("rsi(perid=14)", "did you mean period"),
        ("rsi(period=0)", "out of range"),
        ("rsi(period=2.5)", "whole number"),
        ("rsi(of=3)", "not a text"),
        ("rsi(of='klose')", "did you mean|is not known"),
        ("rsi@9", "write rsi@1"),
        ("macro", r"macro\(series=...\)"),
        ("macro(series='fred:CPI', ttl='soon')", "interval 'soon'"),
        ("macd(fast=30)", "not below slow"),
        ("macd(output='lines')", "did you mean line"),
        ("spread(source='tape')", "not offered"),
        ("depth(depth=5)", "source='book'"),
        ("half_day(calendar='XNYC')", "did you mean XNYS"),
        ("local_hour(timezone='Mars/Base')", "Mars/Base"),
        ("talib.rsy", "did you mean talib.rsi"),
        ("talib.rsi(timeperiod=-3)", "TA-Lib does not take"),
        ("talib.macd(output='hist')", "not offered"),
        ("stored(feature='rsy')", "did you mean rsi"),
        ("zscore(of='" + "lag(of=" * 20 + "')", "cannot be read|is no feature"),
    ],
)
def test_a_feature_that_cannot_be_made_is_refused_with_a_hint(text, message):
    with pytest.raises(InputError) as caught:
        feature_of(text)
    assert re.search(message, str(caught.value))


def test_text_of_a_feature_makes_the_same_feature_again():
    for kind in features_known():
        if kind.name in ("macro", "news_count", "stored") or not kind.__module__.endswith(
            "_features"
        ):
            continue
        made = feature_of(kind.name)
        assert feature_of(made.text) == made
        assert id_of(made.text) == id_of(kind.name)


def test_ids_differ_where_parameters_parts_or_versions_do():
    ids = [
        id_of(text)
        for text in (
            "rsi", "rsi(period=15)", "rsi(of='open')", "sma(of='rsi')", "sma(of='rsi(period=15)')",
            "talib.rsi", "lag(of='sma')", "difference(of='sma')",
        )
    ]  # fmt: skip
    assert len(set(ids)) == len(ids)
    assert id_of("rsi(period=14.0)") == id_of("rsi")
