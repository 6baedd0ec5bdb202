import base64
import itertools
import json
import math
import re
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from peak_trade.domain.costs import Fees
from peak_trade.domain.errors import InputError
from peak_trade.domain.order import Reason
from peak_trade.domain.terms import Costs, Exits, Limits, Margin, Terms
from peak_trade.observe.report import write_backtest
from peak_trade.observe.terms_text import terms_of
from peak_trade.observe.text import FIGURES

HOSTILE = "</script><script>alert(1)</script><!--\"'&amp;"


def figures_in(page):
    return json.loads(page.one("script", id="figures")["text"])


def test_report_loads_nothing_from_the_network(page_of, read, tmp_path):
    page = read(write_backtest(page_of(), tmp_path / "a.html"))
    for element in page.elements:
        for name in ("src", "action", "data"):
            assert not element["attrs"].get(name), element["tag"]
        assert element["attrs"].get("href", "#").startswith("#")
    assert "@import" not in page.one("style")["text"]
    assert "url(" not in page.one("style")["text"]
    policy = page.one("meta", http_equiv="Content-Security-Policy")["attrs"]["content"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_report_holds_plotly_once_and_stays_below_six_megabytes(page_of, tmp_path):
    path = write_backtest(page_of(), tmp_path / "a.html")
    assert path.stat().st_size < 6_000_000
    assert path.read_text("utf-8").count("* plotly.js v") == 1


def test_report_cards_show_every_statistic(page_of, read, tmp_path):
    given = page_of()
    page = read(write_backtest(given, tmp_path / "a.html"))
    shown = {}
    for element in page.all("li"):
        name = element["attrs"].get("data-stat")
        if name:
            strong = next(e for e in page.all("strong") if element in e["inside"])
            shown[name] = (float(element["attrs"]["data-value"]), strong["text"])
    exact = {name: value for name, (value, _) in shown.items()}
    assert exact == dict(given.stats) | {"final_equity": given.record.equity[-1]}
    assert shown["total_return"][1] == "12.35%"
    assert shown["sharpe"][1] == "0.61"
    assert shown["max_drawdown"][1] == "-23.45%"
    assert shown["trades"][1] == "1,234"
    assert shown["fees"][1] == "1,234.57 USD"
    assert shown["turnover"][1] == "3.21x"


def test_report_undefined_statistics_are_dashes(page_of, read, tmp_path):
    stats = {figure.name: math.nan for figure in FIGURES}
    page = read(write_backtest(page_of(stats=stats), tmp_path / "a.html"))
    cards = [e for e in page.all("li") if e["attrs"].get("data-stat") in stats]
    for card in cards:
        strong = next(e for e in page.all("strong") if card in e["inside"])
        assert strong["text"] == "\N{EN DASH}"
    assert len(cards) == 11
    assert "nan" not in page.one("main")["text"].lower()


def test_report_escapes_what_the_user_named(page_of, read, tmp_path, record_of):
    record, trades = record_of()
    lines = {HOSTILE: record.bars.close * 1.01}
    page = read(
        write_backtest(
            page_of(
                record, trades, strategy=HOSTILE, title=HOSTILE, data=HOSTILE, run=HOSTILE,
                params={HOSTILE: HOSTILE}, indicators=lines, warnings=(HOSTILE,), source=HOSTILE,
                description=HOSTILE, benchmark=(HOSTILE, record.equity), facts={HOSTILE: HOSTILE},
            ),
            tmp_path / "a.html",
        )
    )  # fmt: skip
    assert page.one("h1")["text"] == HOSTILE
    assert page.one("title")["text"] == HOSTILE
    assert len(page.all("script")) == 4
    assert not any("alert(1)" in e["text"] for e in page.all("script") if not e["attrs"])
    names = [trace["name"] for trace in figures_in(page)["price-0"]["data"]]
    assert not any("<" in name for name in names)  # plotly reads tags in names


def test_report_monthly_table_equals_pandas(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=700, seed=4)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    days = pd.to_datetime(record.bars.open_time[:, 0])
    ends = pd.Series(record.equity, days).groupby([days.year, days.month]).last()
    returns = (ends / ends.shift(fill_value=record.equity[0]) - 1) * 100
    found = {}
    for year, *months, _total in page.cells("months"):
        for month, text in enumerate(months, 1):
            if text:
                found[int(year), month] = float(text.removesuffix("%"))
    assert list(found) == list(returns.index)
    assert list(found.values()) == pytest.approx(list(returns), abs=0.0501)


def test_report_trades_table_shows_entry_exit_and_reason(page_of, read, tmp_path, record_of):
    record, trades = record_of()
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    rows = page.cells("trades")
    assert len(rows) == len(trades)
    side, quantity, entered, _, left, _, _, profit, _, reason = rows[-1]  # the first trade
    assert side == "long"
    assert float(quantity.replace(",", "")) == trades.lots[0]
    assert entered == str(np.datetime64(int(trades.entry_time[0]), "ns"))[:10]
    assert left == str(np.datetime64(int(trades.exit_time[0]), "ns"))[:10]
    assert float(profit.replace(",", "")) == pytest.approx(trades.pnl[0], abs=0.005)
    assert reason == "the strategy's target"


def test_report_many_trades_are_capped_and_counted(page_of, read, tmp_path, record_of, monkeypatch):
    monkeypatch.setattr("peak_trade.observe.tables.TRADES_SHOWN", 50)
    record, trades = record_of(rows=6000)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    assert len(trades) > 50
    assert len(page.cells("trades")) == 50
    assert f"The last 50 of {len(trades)} trades" in page.one("main")["text"]


def test_report_without_trades_says_so(page_of, read, tmp_path, record_of):
    record, trades = record_of(trade=False)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    text = page.one("main")["text"]
    assert "never traded" in text
    assert "There was no trade" in text
    assert not page.all("table", id="trades")


@pytest.mark.parametrize("rows", [1, 2])
def test_report_of_a_row_or_two_is_written(rows, page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=rows)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    assert "2020-01-01" in page.one("header")["text"]


@pytest.mark.parametrize(
    "path", [lambda e: e * 0 + e[0], lambda e: np.where(np.arange(len(e)) > 300, 0.0, e),
             lambda e: np.where(np.arange(len(e)) > 300, -50.0, e)],
    ids=["flat", "nothing left", "in debt"],
)  # fmt: skip
def test_report_of_an_account_that_stands_still_or_is_lost_is_written(
    path, page_of, read, tmp_path, record_of
):
    record, trades = record_of(rows=900)
    equity = path(record.equity)
    ended = replace(record, equity=equity, ruined=bool(equity[-1] <= 0))
    page = read(write_backtest(page_of(ended, trades), tmp_path / "a.html"))
    text = page.one("main")["text"]
    assert "nan" not in text.lower().split()
    assert ("ruined" in text) == (equity[-1] <= 0)


def test_report_of_a_panel_offers_the_most_traded(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=400, width=9)
    lines = {"mean": record.bars.close * 0.98}
    page = read(write_backtest(page_of(record, trades, indicators=lines), tmp_path / "a.html"))
    home = page.one("select", data_chart="price")
    options = [option for option in page.all("option") if home in option["inside"]]
    assert len(options) == 6
    assert "The 6 most traded of 9 instruments" in page.one("main")["text"]
    figures = figures_in(page)
    assert all(option["attrs"]["value"] in figures for option in options)
    profits = {row[0]: float(row[2].replace(",", "")) for row in page.cells("instruments")}
    for column, symbol in enumerate(record.bars.symbols):
        expected = trades.pnl[trades.instrument == column].sum()
        assert profits[symbol] == pytest.approx(expected, abs=0.005)


def test_report_terms_name_costs_and_exits(page_of, read, tmp_path):
    page = read(write_backtest(page_of(), tmp_path / "a.html"))
    terms = page.one("ul", id="terms")["text"]
    assert "0.10% of its value as commission" in terms
    assert "loses 20.00% (stop-loss)" in terms
    assert "open of the next bar" in terms


def test_report_warnings_are_shown(page_of, read, tmp_path):
    page = read(write_backtest(page_of(warnings=("volume is unknown",)), tmp_path / "a.html"))
    assert "volume is unknown" in page.one("section", id="warnings")["text"]


def test_report_says_where_it_comes_from(page_of, read, tmp_path):
    page = read(write_backtest(page_of(engine_note="no kernel for X"), tmp_path / "a.html"))
    text = page.one("main")["text"]
    for fact in ("0123456789abcdef", "1.2.3", "no kernel for X", "run-1"):
        assert fact in text


def test_report_reads_without_scripts(page_of, read, tmp_path):
    page = read(write_backtest(page_of(), tmp_path / "a.html"))
    value, falls = page.all("figure", **{"class": "static"})
    lines = page.all("polyline")
    assert [value in e["inside"] for e in lines] == [True, True, False]
    assert falls in lines[2]["inside"]
    assert value["attrs"]["aria-label"].startswith("Value of the account")
    hidden = "html:not(.scripted) .chart { display: none; }"
    assert hidden in page.one("style")["text"]
    assert ".scripted .static { display: none; }" in page.one("style")["text"]


def test_report_says_how_sure_the_sharpe_ratio_is(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=700)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    (claim, probability, _, years), *_ = page.cells("psr")
    assert claim == "above 0"
    # a plain normal approximation: few returns are far from normal here
    returns = np.diff(record.equity) / record.equity[:-1]
    ratio = returns.mean() / returns.std(ddof=1)
    chance = NormalDist().cdf(ratio * math.sqrt(len(returns)))
    assert float(probability.removesuffix("%")) == pytest.approx(100 * chance, abs=1.5)
    assert float(years) == pytest.approx(699 / record.bars.bars_per_year, abs=0.05)


def test_report_moving_figures_end_at_those_of_the_last_stretch(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=900)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    bars = max(int(key.split(":")[1]) for key in figures_in(page) if key.startswith("roll-"))
    returns = (np.diff(record.equity) / record.equity[:-1])[-bars:]
    annual = math.sqrt(record.bars.bars_per_year)
    last = {}
    for view in ("sharpe", "volatility"):
        trace = figures_in(page)[f"roll-{view}:{bars}"]["data"][-1]
        last[view] = np.frombuffer(base64.b64decode(trace["y"]["bdata"]), "<f4")[-1]
    assert last["volatility"] == pytest.approx(returns.std(ddof=1) * annual, rel=1e-4)
    assert last["sharpe"] == pytest.approx(
        returns.mean() / returns.std(ddof=1) * annual, rel=1e-4, abs=1e-6
    )


def test_report_groups_of_trades_add_up_to_all(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=900, width=4)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    for group in ("by-instrument", "by-side"):
        rows = page.cells(group)
        assert sum(int(row[1]) for row in rows) == len(trades)
        profit = sum(float(row[3].replace(",", "")) for row in rows)
        assert profit == pytest.approx(trades.pnl.sum(), abs=0.01 * len(rows))
    table = page.one("table", id="by-side")
    assert "sortable" not in table["attrs"]["class"]  # two rows need no order


def test_report_halt_and_refusals_are_said_with_their_bar(record_of):
    record, _ = record_of(rows=50)
    counts = replace(record.counts, over_gross=2, over_order=1)
    said = terms_of(replace(record, counts=counts, halted="max_drawdown", halted_row=9))
    assert "Limits refused 3 orders." in said
    assert "Trading halted at 2020-01-10: max drawdown reached its limit." in said


def test_report_costs_by_kind_add_up(page_of, read, tmp_path, record_of):
    record, trades = record_of()
    slipped = np.full(len(record.fills), 2.5)
    record = replace(record, fills=replace(record.fills, slippage=slipped))
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    rows = {row[0]: float(row[1].replace(",", "")) for row in page.cells("costs")}
    assert rows["commission"] == pytest.approx(record.fills.fee.sum(), abs=0.01)
    assert rows["slippage"] == pytest.approx(2.5 * len(record.fills))
    assert rows["all together"] == pytest.approx(rows["commission"] + rows["slippage"], abs=0.02)


def test_report_measures_stand_beside_the_benchmarks(page_of, read, tmp_path):
    given = page_of(measures={"calmar": 0.5, "skew": math.nan}, benchmark_measures={"calmar": 0.25})
    page = read(write_backtest(given, tmp_path / "a.html"))
    assert page.cells("measures")[0][:3] == ["Calmar ratio", "0.50", "0.25"]
    assert page.cells("measures")[1][1] == "\N{EN DASH}"


def test_report_tables_have_headings_and_names(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=900, width=4)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    for table in page.all("table"):
        heads = [e for e in page.all("th") if table in e["inside"]]
        assert heads
        assert all(e["attrs"].get("scope") in ("col", "row") for e in heads)
    for chart in page.all("div", **{"class": "chart"}):
        assert chart["attrs"]["role"] == "img"
        assert chart["attrs"]["aria-label"]
    links = [e["attrs"]["href"].removeprefix("#") for e in page.all("a")]
    ids = {e["attrs"].get("id") for e in page.elements}
    assert set(links) <= ids


def test_report_recipe_is_shown_as_text(page_of, read, tmp_path):
    page = read(write_backtest(page_of(recipe="x = '<b>'"), tmp_path / "a.html"))
    assert page.one("pre", id="recipe")["text"] == "x = '<b>'"


def test_report_exit_reasons_without_a_sign_of_their_own_are_named(
    page_of, read, tmp_path, record_of
):
    record, trades = record_of()
    reasons = np.where(trades.is_open, 0, int(Reason.TRAILING_STOP))
    page = read(
        write_backtest(page_of(record, replace(trades, reason=reasons)), tmp_path / "a.html")
    )
    assert page.cells("trades")[-1][-1] == "trailing stop"
    assert "Exit by trailing stop" in page.one("section", id="price-section")["text"]


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (Terms(exits=Exits(max_bars=7)), "closed after 7 bars"),
        (Terms(limits=Limits(max_drawdown=0.25)), "halts at a drawdown of 25.00%"),
        (Terms(margin=Margin(max_leverage=3.0)), "may reach 3 times equity"),
        (Terms(rebalance="month"), "Rebalance is month."),
        (Terms(costs=Costs(0.001, borrow=0.03)), "Shorts pay 3.00% a year"),
        (
            Terms(costs=Costs(fees=(Fees(taker=0.002, minimum=1.0),))),
            "0.20% for others, at least 1",
        ),
        (Terms(currency="EUR"), "starts with 100,000.00 EUR"),
    ],
)
def test_report_terms_that_differ_from_the_usual_are_said(terms, sentence, page_of, record_of):
    record, _ = record_of(rows=10, terms=terms)
    assert any(sentence in said for said in terms_of(record))


def test_report_every_chart_has_its_place(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=900, width=3)
    page = read(write_backtest(page_of(record, trades), tmp_path / "a.html"))
    figures = figures_in(page)
    shown = {
        e["attrs"].get("data-figure") or e["attrs"]["id"]
        for e in page.all("div")
        if e["attrs"].get("class") == "chart"
    }
    assert shown <= set(figures)
    offered = set()
    for chart in {e["attrs"]["data-chart"] for e in page.all("select")}:
        parts = [
            [o["attrs"]["value"] for o in page.all("option") if home in o["inside"]]
            for home in page.all("select", data_chart=chart)
        ]
        offered |= {":".join(chosen) for chosen in itertools.product(*parts)}
    assert offered <= set(figures)
    assert shown | offered == set(figures)


def test_report_colours_of_charts_are_in_the_style(page_of, read, tmp_path):
    page = read(write_backtest(page_of(), tmp_path / "a.html"))
    used = set(re.findall(r'"css":"(--[a-z0-9-]+)"', page.one("script", id="figures")["text"]))
    assert used
    for name in used:
        assert page.one("style")["text"].count(f"{name}:") == 3, name  # light, dark, dark by choice


def test_report_long_run_is_thinned_and_small(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=60_000, interval="1m")
    path = write_backtest(page_of(record, trades), tmp_path / "a.html")
    assert path.stat().st_size < 6_000_000
    assert "of 60,000 bars they show" in read(path).one("main")["text"]


def test_report_of_a_wide_busy_panel_with_indicators_stays_small(page_of, tmp_path, record_of):
    record, trades = record_of(rows=9_000, width=12)
    noise = np.random.default_rng(3).normal(1.0, 0.05, (4, *record.bars.close.shape))
    lines = {f"line {k}": record.bars.close * noise[k] for k in range(4)}
    path = write_backtest(page_of(record, trades, indicators=lines), tmp_path / "a.html")
    assert len(trades) > 1_000
    assert path.stat().st_size < 6_000_000


def test_write_makes_folders_and_replaces_in_one_step(page_of, tmp_path):
    path = tmp_path / "new" / "folder" / "a.html"
    assert write_backtest(page_of(), path) == path
    path.write_text("old")
    write_backtest(page_of(), path)
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert [item.name for item in path.parent.iterdir()] == ["a.html"]


def test_write_that_fails_leaves_the_old_file_and_no_part(page_of, tmp_path, monkeypatch):
    path = tmp_path / "a.html"
    path.write_text("old")

    def refuse(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(InputError, match="No space left"):
        write_backtest(page_of(), path)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.html"]


def test_write_to_a_folder_or_below_a_file_is_a_clear_error(page_of, tmp_path):
    with pytest.raises(InputError, match="it is a folder"):
        write_backtest(page_of(), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_backtest(page_of(), tmp_path / "file" / "a.html")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_write_twice_gives_the_same_bytes(page_of, tmp_path):
    first = write_backtest(page_of(), tmp_path / "a.html").read_bytes()
    assert write_backtest(page_of(), tmp_path / "b.html").read_bytes() == first
