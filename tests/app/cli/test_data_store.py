"""`peak data import` and the commands over the store, as their user meets them."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from peak_trade.app.cli import data_import
from peak_trade.app.cli.examples import OF_A_STORE
from peak_trade.app.cli.main import main
from peak_trade.data import imports

BTC = "time,open,high,low,close,volume\n" + "".join(
    f"2024-01-01T00:{k:02d}:00Z,{100 + k},{102 + k},{99 + k},{101 + k},{k + 1}\n"
    for k in range(30)
    if k not in (10, 11)
)
TRADES = "time,price,qty,side,id\n" + "".join(
    f"2024-01-01T00:00:{k:02d}Z,{100 + k},0.1,buy,{k + 7}\n" for k in range(30)
)
STOCKS = "date,symbol,open,high,low,close\n2024-01-02,AAA,1,2,1,2\n2024-01-02,BBB,3,2,1,2\n2024-01-04,AAA,1,2,1,2\n"
KRAKEN = "".join(f"{1704067200 + 3600 * k},1,2,0.5,1.5,10,3\n" for k in range(5))
CPI = "DATE,CPI\n2024-01-01,3.1\n2024-02-01,3.2\n"


def written(folder: Path) -> None:
    """Write the files of the examples."""
    (folder / "btc_1m.csv").write_text(BTC)
    (folder / "btc_trades.csv").write_text(TRADES)
    (folder / "XBTUSD_60.csv").write_text(KRAKEN)
    (folder / "cpi.csv").write_text(CPI)
    pl.read_csv(STOCKS.encode(), try_parse_dates=True).write_parquet(folder / "stocks.parquet")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that the imports of the examples have filled, to be copied."""
    folder = tmp_path_factory.mktemp("examples")
    written(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PEAK__DATA__STORE", str(folder / "store"))
        for line in OF_A_STORE["data import"]:
            assert main(line.split()[1:]) == 0, line
    return folder / "store"


@pytest.fixture
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of its own, and the files of the examples."""
    monkeypatch.setenv("PEAK__DATA__STORE", str(folder / "store"))
    written(folder)
    return folder / "store"


@pytest.fixture
def full(store: Path, examples: Path) -> Path:
    """The same store with the examples in it."""
    shutil.copytree(examples, store)
    return store


@pytest.mark.parametrize(
    "line",
    [
        line
        for command in ("data show", "data versions", "data gaps", "data export", "data diff",
                        "data compact", "data expire")
        for line in OF_A_STORE[command]
    ],
)  # fmt: skip
def test_examples_of_a_store_run(peak, folder: Path, full: Path, line: str) -> None:
    (folder / "late.csv").write_text(BTC.replace("100,102,99,101,1", "100,102,99,101.5,1"))
    assert (
        peak("data", "import", "late.csv", "--as", "kraken:BTC/USD", "--interval", "1m").code == 0
    )
    ran = peak(*line.split()[1:])
    assert (ran.code, ran.err) == (0, "")
    assert ran.out


@pytest.mark.parametrize("command", OF_A_STORE)
def test_help_of_the_store_commands_shows_their_examples(peak, command: str) -> None:
    ran = peak(*command.split(), "--help")
    lines = [line.strip() for line in ran.out.splitlines()]
    assert ran.code == 0
    assert all(example in lines for example in OF_A_STORE[command])


def test_import_twice_adds_nothing_and_a_correction_is_a_version(peak, folder, store) -> None:
    command = (
        "data",
        "import",
        "btc_1m.csv",
        "--as",
        "kraken:BTC/USD",
        "--interval",
        "1m",
        "--json",
    )
    first = peak(*command).json["series"]
    assert [(one["added"], one["version"]) for one in first] == [(28, 1)]
    again = peak(*command).json["series"]
    assert [(one["added"], one["unchanged"], one["version"]) for one in again] == [(0, 28, 1)]
    (folder / "btc_1m.csv").write_text(BTC.replace("100,102,99,101,1", "100,102,99,101.5,1"))
    third = peak(*command).json["series"]
    assert [(one["corrected"], one["version"]) for one in third] == [(1, 2)]
    diff = peak("data", "diff", "kraken:BTC/USD", "1m")
    assert "close 101 -> 101.5" in diff.out
    assert "version 1 to 2: 0 added, 1 corrected, 0 removed" in diff.out


def test_refused_import_lists_the_rows_stores_nothing_and_ends_with_two(
    peak, folder, store
) -> None:
    bad = "2024-01-01T01:00:00Z,1,2,1,0,1\n2024-01-01T01:01:00Z,1,2,1,x,1\n2024-01-01T01:02:00Z,3,2,1,2,1\n"
    (folder / "btc_1m.csv").write_text(BTC + bad)
    command = ("data", "import", "btc_1m.csv", "--as", "kraken:BTC/USD", "--interval", "1m")
    ran = peak(*command, "--show", "2")
    assert (ran.code, ran.out) == (2, "")
    assert "has 3 rows that cannot be right" in ran.err
    assert ran.err.count("row ") == 2
    assert "... and 1 more" in ran.err
    assert "--repair" in ran.err
    error = peak(*command, "--json").json["error"]
    assert error["exit_code"] == 2
    assert sorted(one["row"] for one in error["fields"]["defects"]) == [28, 29, 30]
    assert peak("data", "list", "--json").json["stored"] == []
    ran = peak(*command, "--skip-bad")
    assert ran.code == 0
    assert "28 of 31 rows" in ran.out
    ran = peak(*command, "--repair", "--json")
    assert [one["added"] for one in ran.json["series"]] == [1]  # its high was widened
    assert "highs raised" in json.dumps(ran.json["mended"])


def test_dry_run_checks_and_stores_nothing(peak, store) -> None:
    ran = peak("data", "import", "btc_1m.csv", "--as", "k:A", "--interval", "1m", "--dry-run")
    assert ran.code == 0
    assert "28 rows are sound; nothing was stored" in ran.out
    assert not peak("data", "list", "--json").json["stored"]


def test_many_instruments_are_told_in_one_line_a_kind(peak, folder, store) -> None:
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 1, 10), eager=True)
    frame = pl.DataFrame({"date": days}).join(
        pl.DataFrame({"symbol": [f"S{k:02d}" for k in range(25)]}), how="cross"
    )
    frame = frame.with_columns(pl.lit(1.0).alias("close"), pl.lit(0.0).alias("volume"))
    frame.write_csv(folder / "many.csv")
    ran = peak("data", "import", "many.csv", "--as", "us:*", "--interval", "1d")
    assert "of S00, S01, S02 and 22 more" in ran.out
    assert "... and 5 more; --json has all." in ran.out
    listed = peak("data", "list")
    assert "us:* 1d (25)" in listed.out
    assert "us:S07 1d" not in listed.out
    assert "us:S07 1d" in peak("data", "list", "--all").out
    assert len(peak("data", "list", "--json").json["stored"]) == 25


def test_show_names_the_sources_and_a_pinned_version(peak, folder, full) -> None:
    ran = peak("data", "show", "kraken:BTC/USD", "1m", "--json")
    assert ran.json["rows"] == 28
    assert [(one["source"], one["rows"]) for one in ran.json["origins"]] == [
        ("file:btc_1m.csv", 28)
    ]
    assert len(ran.json["last"]) == 5
    assert str(folder) not in json.dumps(ran.json["origins"])  # the importer's folders stay private
    (folder / "btc_1m.csv").write_text(BTC + "2024-01-01T00:30:00Z,1,2,1,2,1\n")
    peak("data", "import", "btc_1m.csv", "--as", "kraken:BTC/USD", "--interval", "1m")
    assert peak("data", "show", "kraken:BTC/USD", "1m", "--json").json["rows"] == 29
    old = peak("data", "show", "kraken:BTC/USD", "1m", "--data-version", "1", "--json")
    assert (old.json["rows"], old.json["version"]) == (28, 1)


def test_gaps_are_listed_longest_first(peak, folder, full) -> None:
    found = peak("data", "gaps", "kraken:BTC/USD", "1m", "--json").json
    assert (found["missing"], found["calendar"]) == (2, "24/5")
    assert [one["missing"] for one in found["gaps"]] == [2]
    ran = peak("data", "gaps", "kraken:BTC/USD", "1m", "--calendar", "24/7")
    assert "2024-01-01 00:09:00" in ran.out
    assert "1 gap, 2 bars missing, by the calendar 24/7." in ran.out
    assert "nothing is missing" in peak("data", "gaps", "kraken:BTC/USD", "--kind", "trades").out
    assert peak("data", "gaps", "fred:CPI").code == 2


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("kind", "name", "interval"),
    [("bars", "kraken:BTC/USD", ("1m",)), ("trades", "kraken:BTC/USD", ()), ("series", "fred:CPI", ())],
)  # fmt: skip
def test_export_is_read_back_as_it_was(
    peak, folder, full, kind: str, name: str, interval: tuple[str, ...], ending: str
) -> None:
    out = f"out.{ending}"
    ran = peak("data", "export", name, *interval, "--kind", kind, "--out", out)
    assert ran.code == 0
    again = peak("data", "import", out, "--as", name, "--kind", kind,
                 *(("--interval", *interval) if interval else ()), "--json").json  # fmt: skip
    assert [(one["added"], one["corrected"]) for one in again["series"]] == [(0, 0)]
    assert again["series"][0]["unchanged"] == again["read"] > 0


def test_export_takes_a_span_and_writes_lines_of_json(peak, folder, full) -> None:
    span = ("--from", "2024-01-01T00:02", "--to", "2024-01-01T00:05+00:00")
    peak("data", "export", "kraken:BTC/USD", "1m", "--out", "out.jsonl", *span)
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [row["close"] for row in rows] == [103.0, 104.0, 105.0]
    assert rows[0]["time"] == "2024-01-01T00:02:00.000000000Z"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "kraken:BTC/USD"), "may be"),
        (("show", "kraken:BTC/USD", "5m"), "5m is not stored; there is"),
        (("show", "kraken:BTC/EUR", "1m"), "did you mean kraken:BTC/USD"),
        (("show", "btc"), "names no stored series"),
        (("show", "kraken:BTC/USD", "1x"), "is not a number and a unit"),
        (("show", "kraken:BTC/USD", "--kind", "tradez"), "did you mean trades"),
        (("show", "kraken:BTC/USD", "1m", "--data-version", "99"), "99"),
        (("diff", "kraken:BTC/USD", "1m"), "has no version before 1"),
        (("expire",), "nothing says which versions are kept"),
        (("export", "kraken:BTC/USD", "1m", "--out", "a.txt"), "expected .csv or"),
        (("export", "kraken:BTC/USD", "1m", "--out", "a.csv", "--from", "soon"), "is no time"),
        (("import", "none.csv", "--as", "k:A"), "is not there"),
        (("import", "btc_1m.csv", "--as", "btc"), "does not say of which instrument"),
        (("import", "btc_1m.csv", "--as", "k:A", "--columns", "close=px"), "px"),
        (("import", "XBTUSD_60.csv", "--as", "k:A"), "layout kraken-ohlcvt"),
        (("import", "cpi.csv", "--as", "k:A", "--kind", "series"), "--known-after"),
    ],
)
def test_what_cannot_be_done_is_told_with_exit_code_two(
    peak, folder, full, arguments: tuple[str, ...], message: str
) -> None:
    ran = peak("data", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err.replace("\nHint:  ", "; ")
    assert not (folder / "a.csv").exists()


def test_large_file_is_stored_in_parts_only_when_all_of_it_is_sound(
    peak, folder, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = imports.import_parts
    monkeypatch.setattr(imports, "is_large", lambda *_: True)
    monkeypatch.setattr(imports, "import_parts", lambda *a, **k: whole(*a, rows=8, **k))
    command = ("data", "import", "btc_trades.csv", "--as", "k:A", "--kind", "trades", "--json")
    text = (folder / "btc_trades.csv").read_text()
    (folder / "btc_trades.csv").write_text(text + "2024-01-01T00:01:00Z,0,1,buy,99\n")
    refused = peak(*command)
    assert refused.code == 2
    assert [one["row"] for one in refused.json["error"]["fields"]["defects"]] == [30]
    assert not peak("data", "list", "--json").json["stored"]
    done = peak(*command, "--skip-bad").json
    assert (done["read"], done["rows"]) == (31, 30)
    assert [(one["added"], one["corrected"]) for one in done["series"]] == [(30, 0)]
    assert len(peak("data", "versions", "k:A", "--json").json["versions"]) > 2
    (folder / "btc_trades.csv").write_text(text)
    again = peak(*command).json
    assert [(one["added"], one["unchanged"]) for one in again["series"]] == [(0, 30)]


def test_what_is_listed_of_one_kind_is_the_message_itself() -> None:
    said = [
        ("warning", "gaps", "A", 2, "A: gaps: 2; long"),
        ("note", "jumps", "A", 1, "A: jumps: 1"),
    ]
    assert data_import._by_kind(said) == ["warning: A: gaps: 2; long", "note: A: jumps: 1"]
