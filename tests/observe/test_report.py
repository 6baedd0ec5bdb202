import json
import math
import re

import numpy as np
import pandas as pd
import pytest

from peak_trade.domain.errors import InputError
from peak_trade.observe.report import write_backtest
from peak_trade.observe.text import FIGURES

HOSTILE = "</script><script>alert(1)</script><!--\"'&amp;"


def figures_in(page):
    return json.loads(page.one("script", id="figures")["text"])


def test_report_loads_nothing_from_the_network(page_of, read, tmp_path):
    page = read(write_backtest(page_of(), tmp_path / "a.html"))
    for element in page.elements:
        for name in ("src", "href", "action", "data"):
            assert not element["attrs"].get(name), element["tag"]
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
    assert len(page.all("script")) == 3
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


def test_report_many_trades_are_capped_and_counted(page_of, read, tmp_path, record_of):
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


def test_report_of_a_panel_offers_the_most_traded(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=400, width=9)
    lines = {"mean": record.bars.close * 0.98}
    page = read(write_backtest(page_of(record, trades, indicators=lines), tmp_path / "a.html"))
    options = page.all("option")
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
    lines = page.all("polyline")
    assert len(lines) == 2
    assert all(e["inside"][-2]["tag"] == "noscript" for e in lines)


def test_report_every_chart_has_its_place(page_of, read, tmp_path):
    page = read(write_backtest(page_of(), tmp_path / "a.html"))
    places = {
        e["attrs"].get("data-figure") or e["attrs"]["id"]
        for e in page.all("div")
        if e["attrs"].get("class") == "chart"
    }
    assert places == set(figures_in(page))


def test_report_colours_of_charts_are_in_the_style(page_of, read, tmp_path):
    page = read(write_backtest(page_of(), tmp_path / "a.html"))
    used = set(re.findall(r'"css":"(--[a-z0-9-]+)"', page.one("script", id="figures")["text"]))
    assert used
    for name in used:
        assert page.one("style")["text"].count(f"{name}:") == 2, name  # light and dark


def test_report_long_run_is_thinned_and_small(page_of, read, tmp_path, record_of):
    record, trades = record_of(rows=60_000, interval="1m")
    path = write_backtest(page_of(record, trades), tmp_path / "a.html")
    assert path.stat().st_size < 6_000_000
    assert "of 60,000 bars they show" in read(path).one("main")["text"]


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
