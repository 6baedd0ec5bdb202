"""`peak orders`, `fills`, `positions`, `ledger`: filters, limits, and lists that fit the terminal."""

from pathlib import Path

import pytest
from app.cli.sessions_at_hand import SHORT, rows
from hypothesis import given
from hypothesis import strategies as st

from peak_trade.app.cli.listing import PADDING, Column, fitting

DAYS = ("2024-01-14", "2024-01-20", "2024-02-01", "2024-02-08", "2024-02-16", "2024-02-25")
ACTIONS = "date,kind,value\n" + "".join(f"{day},dividend,1.50\n" for day in DAYS)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database and a state folder for each test."""
    found = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("XDG_DATA_HOME", str(found))
    return found


@pytest.fixture
def session(peak, bars_csv: Path) -> str:
    """A session of 60 bars, with a dividend and exits that rest."""
    (bars_csv.parent / "paid.csv").write_text(ACTIONS)
    ran = peak(*SHORT, "--stop-loss", "0.03", "--actions", "paid.csv", "--json")
    assert ran.code == 0, ran.out
    return str(ran.json["session"])


@pytest.mark.parametrize("command", ["orders", "fills", "positions", "ledger"])
def test_without_a_session_each_says_how_to_start_one(peak, command: str) -> None:
    ran = peak(command)
    assert (ran.code, ran.out) == (2, "")
    assert "peak run starts one" in ran.err


def test_orders_are_filtered_by_state_and_limited(peak, session: str) -> None:
    told = peak("orders", "--limit", "999", "--json").json
    every = rows(told, "orders")
    assert told["total"] == len(every)
    states = {str(order["state"]) for order in every}
    assert {"filled", "canceled"} <= states
    for state in states:
        found = rows(peak("orders", "--state", state, "--limit", "999", "--json").json, "orders")
        assert found == [order for order in every if order["state"] == state]
    opened = rows(peak("orders", "--state", "open", "--json").json, "orders")
    assert opened == [order for order in every if order["is_open"]]
    assert rows(peak("orders", "--limit", "2", "--json").json, "orders") == every[:2]
    assert f"2 of {len(every)}, the newest first" in peak("orders", "--limit", "2").out


def test_order_tells_its_steps_and_its_exit_prices(peak, session: str) -> None:
    stops = [
        order
        for order in rows(peak("orders", "--limit", "999", "--json").json, "orders")
        if order["kind"] == "stop"
    ]
    assert stops
    for order in stops:
        assert float(str(order["price"])) > 0
        assert [step["state"] for step in rows(order, "steps")][:2] == ["intent", "accepted"]
    assert any("stop " in line for line in peak("orders", "--limit", "999").out.splitlines())


def test_ledger_adds_up_to_the_cash_that_positions_show(peak, session: str) -> None:
    told = peak("ledger", "--limit", "999", "--json").json
    entries = rows(told, "entries")
    assert {entry["kind"] for entry in entries} == {"fill", "dividend"}
    start, end = (dict(told[name]) for name in ("start", "cash"))  # type: ignore[call-overload]
    moved = sum(float(str(entry["amount"])) for entry in entries)
    assert start["USD"] + moved == pytest.approx(end["USD"])
    assert peak("positions", "--json").json["cash"] == end
    for paid in rows(peak("ledger", "--kind", "dividend", "--json").json, "entries"):
        assert float(str(paid["amount"])) == pytest.approx(1.5 * float(str(paid["position"])))
    assert "dividend" in peak("ledger", "--kind", "dividend").out


def test_fills_and_positions_agree(peak, session: str) -> None:
    last = rows(peak("fills", "--json").json, "fills")[0]
    held = rows(peak("positions", "--json").json, "positions")
    assert [item["quantity"] for item in held] == ([last["position"]] if last["position"] else [])
    out = peak("positions").out
    assert ("No position is open." in out) == (not held)
    assert "started with" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("orders", "--state", "fild"), "did you mean filled?"),
        (("fills", "--symbol", "barz"), "did you mean bars?"),
        (("ledger", "--kind", "fills"), "did you mean fill?"),
        (("positions", "--session", "zz"), "there is no session 'zz'"),
        (("orders", "--session", "last~1"), "there is no session 'last~1'"),
        (("orders", "--limit", "0"), "--limit"),
        (("orders", "--set", "journal.url=nothing"), "URL"),
    ],
)
def test_bad_input_is_refused(peak, session: str, arguments: tuple[str, ...], message: str) -> None:
    ran = peak(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_filter_that_nothing_matches_says_so(peak, session: str) -> None:
    assert "No order matches." in peak("orders", "--state", "rejected").out
    assert peak("orders", "--state", "rejected", "--json").json["orders"] == []


columns_of = st.lists(
    st.tuples(st.text("ab", min_size=1, max_size=12), st.integers(0, 4)), min_size=1, max_size=8
)


@given(columns_of, st.integers(5, 120), st.integers(1, 20))
def test_fitting_spares_only_what_can_be_spared_and_only_where_it_must(
    named: list[tuple[str, int]], width: int, cell: int
) -> None:
    columns = [Column(name, spare=spare) for name, spare in named]
    table = [["x" * cell] * len(columns)]
    sizes = [max(len(column.name), cell) + PADDING for column in columns]
    kept = fitting(columns, table, width)
    assert kept == sorted(set(kept))
    assert {k for k, column in enumerate(columns) if not column.spare} <= set(kept)
    used = sum(sizes[k] for k in kept)
    must = sum(size for size, column in zip(sizes, columns, strict=True) if not column.spare)
    assert used <= max(width, must)
    for k in set(range(len(columns))) - set(kept):  # no room was left for it
        assert used + sizes[k] > width
    assert fitting(columns, table, None) == list(range(len(columns)))
