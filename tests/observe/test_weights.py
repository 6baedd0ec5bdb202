"""Shares of the account against positions that are booked row by row."""

from dataclasses import replace

import numpy as np
import pytest

from peak_trade.domain.record import HeldSplit
from peak_trade.observe.weights import (
    OTHERS,
    STACKED,
    invested,
    largest_shares,
    lots_at,
    weights_at,
    weights_figure,
)


def booked(record):
    """Lots of every instrument at the close of every traded row."""
    lots = np.zeros(len(record.bars.instruments))
    fills, found = record.fills, []
    for row in range(record.start, record.stop):
        for k in np.flatnonzero(fills.row == row):
            lots[fills.instrument[k]] += fills.lots[k]
        found.append(lots.copy())
    return np.array(found)


def test_invested_against_positions_row_by_row_agree(record_of):
    record, _ = record_of(rows=200, width=4, start=30)
    value = booked(record) * record.bars.close[record.start :]
    net, gross = invested(record)
    np.testing.assert_allclose(net, value.sum(axis=1) / record.equity)
    np.testing.assert_allclose(gross, np.abs(value).sum(axis=1) / record.equity)


def test_weights_at_some_rows_are_those_of_the_rows(record_of):
    record, _ = record_of(rows=300, width=3, start=10)
    value = booked(record) * record.bars.close[record.start :]
    rows = np.array([0, 5, 60, 61, 289])
    for column in range(3):
        expected = value[rows, column] / record.equity[rows]
        np.testing.assert_allclose(weights_at(record, column, rows), expected)


def test_weights_in_another_currency_are_converted(record_of):
    record, _ = record_of(rows=120, width=2)
    rates = np.ones(record.bars.close.shape)
    rates[:, 1] = np.linspace(0.5, 2.0, 120)
    value = booked(record) * record.bars.close * rates
    net, gross = invested(record, rates)
    np.testing.assert_allclose(net, value.sum(axis=1) / record.equity)
    np.testing.assert_allclose(gross, np.abs(value).sum(axis=1) / record.equity)


def test_weights_of_a_ruined_account_are_unknown(record_of):
    record, _ = record_of(rows=60)
    equity = record.equity.copy()
    equity[-3:] = -1.0
    net, _ = invested(replace(record, equity=equity))
    assert np.isnan(net[-3:]).all()
    assert np.isfinite(net[:-3]).all()


def test_lots_at_a_split_are_multiplied_from_its_row_on(record_of):
    record, _ = record_of(rows=30)
    bought = int(record.fills.lots[0])
    halved = replace(record, splits=(HeldSplit(10, 0, 2, 1, 1),))
    rows = np.array([5, 9, 10, 29])
    assert lots_at(halved, 0, rows).tolist() == [bought, bought, 2 * bought, 2 * bought]


def test_largest_shares_of_many_put_the_rest_together(record_of):
    record, _ = record_of(rows=300, width=14)
    rows = np.arange(300)
    shares = dict(largest_shares(record, rows))
    assert len(shares) == STACKED + 1
    net, _ = invested(record)
    np.testing.assert_allclose(sum(shares.values()), net, atol=1e-12)
    assert OTHERS in shares


def test_weights_figure_stacks_shorts_below_zero(record_of):
    record, _ = record_of(rows=300, width=3)  # the third is short
    figure, names = weights_figure(record)
    groups = {(trace["name"], trace["stackgroup"]) for trace in figure["data"]}
    assert ("S2/USD", "short") in groups
    assert ("S0/USD", "short") not in groups
    assert [name for name, _ in names] == sorted(
        (name for name, _ in names), key=[name for name, _ in names].index
    )
    assert {name for name, _ in names} == {"S0/USD", "S1/USD", "S2/USD"}


@pytest.mark.parametrize("rows", [1, 2])
def test_weights_of_short_runs_without_trades_are_zero(rows, record_of):
    record, _ = record_of(rows=rows, trade=False)
    net, gross = invested(record)
    assert net.tolist() == gross.tolist() == [0.0] * rows
