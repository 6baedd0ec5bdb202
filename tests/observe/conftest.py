"""Runs made by hand, and a reader of pages that knows nothing of templates."""

from html.parser import HTMLParser

import numpy as np
import pytest

from peak_trade.domain.bars import Bars
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.order import Reason
from peak_trade.domain.record import Fills, OrderCounts, Record, Trades
from peak_trade.domain.terms import Costs, Exits, Terms
from peak_trade.observe.report import BacktestPage

DAY = 86_400_000_000_000
VOID = {"meta", "link", "br", "img", "input", "hr", "source"}


class Page(HTMLParser):
    """Elements of a page with their attributes and the text inside them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(text)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "attrs": dict(attrs), "text": "", "inside": list(self.open)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(
            {"tag": tag, "attrs": dict(attrs), "text": "", "inside": list(self.open)}
        )

    def handle_endtag(self, tag):
        assert self.open[-1]["tag"] == tag, f"</{tag}> closes <{self.open[-1]['tag']}>"
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag=None, **attrs):
        wanted = {name.replace("_", "-"): value for name, value in attrs.items()}
        return [
            element
            for element in self.elements
            if (tag is None or element["tag"] == tag)
            and all(element["attrs"].get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag=None, **attrs):
        found = self.all(tag, **attrs)
        assert len(found) == 1, f"{len(found)} elements {tag} {attrs}"
        return found[0]

    def cells(self, table):
        """Rows of the body of a table, as texts."""
        home = self.one("table", id=table)
        rows = [e for e in self.all("tr") if home in e["inside"]]
        return [
            [e["text"].strip() for e in self.elements if row in e["inside"] and e["tag"] in "td th"]
            for row in rows
        ][1:]


@pytest.fixture
def read():
    return lambda path: Page(path.read_text("utf-8"))


def make_record(rows=400, width=1, seed=1, start=0, interval="1d", terms=None, trade=True):
    """A run that holds the first instruments every other forty rows."""
    rng = np.random.default_rng(seed)
    calm = min(1.0, (1000 / rows) ** 0.5)  # long runs stay near 100
    close = 100 * np.exp(np.cumsum(rng.normal(0.0, 0.01 * calm, (rows, width)), axis=0))
    step = DAY if interval == "1d" else 60_000_000_000
    first = np.datetime64("2020-01-01", "ns").astype(np.int64)
    opened = first + np.arange(rows) * step
    bars = Bars.from_arrays(
        close, open=close * 0.999, time=opened + step, open_time=opened, interval=interval,
        instruments=[Instrument(f"S{k}/USD", lot=1.0) for k in range(width)], name="made",
    )  # fmt: skip
    terms = terms or Terms(costs=Costs(0.001), exits=Exits(stop_loss=0.2))
    fills, trips, reasons = [], [], list(Reason)
    cash, lots = terms.cash, np.zeros(width, np.int64)
    equity, held = [], []
    openings = {}
    for row in range(start, rows):
        for j in range(width):
            turn = trade and row > start and (row - start) % 40 == 1 + j % 30
            if turn:
                side = -1 if j % 3 == 2 else 1
                change = -lots[j] if lots[j] else side * int(50_000 / width / close[row, j])
                price = bars.open[row, j]
                fee = abs(change) * price * terms.costs.commission
                cash -= change * price + fee
                lots[j] += change
                reason = 0 if lots[j] else reasons[len(trips) % 3]
                fills.append(
                    (row, bars.open_time[row, j], j, change, price, fee, reason, cash, 0.0)
                )
                if lots[j]:
                    openings[j] = (row, price, change, fee)
                else:
                    trips.append(trip(bars, j, openings.pop(j), row, price, fee, reason, False))
        equity.append(cash + lots @ close[row])
        held.append(bool(lots.any()))
    for j, opening in openings.items():
        trips.append(trip(bars, j, opening, rows - 1, close[-1, j], 0.0, 0, True))
    record = Record(
        bars, start, rows, terms, "fast", np.array(equity), np.array(held, dtype=bool),
        Fills(*columns(fills, "iiiiffiff")), lots,
        OrderCounts(len(fills), len(fills), 0, 0, 0, 0), False,
    )  # fmt: skip
    return record, Trades(*columns(trips, "iiiiiiifffffib"))


def trip(bars, j, opening, row, price, fee, reason, is_open):
    entry, paid, change, first_fee = opening
    pnl = change * (price - paid) - fee - first_fee
    out = bars.time[row] if is_open else bars.open_time[row, j]
    return (
        j, np.sign(change), abs(change), entry, row, bars.open_time[entry, j], out, paid, price,
        pnl, fee + first_fee, pnl / abs(change * paid), reason, is_open,
    )  # fmt: skip


def columns(rows, kinds):
    types = {"i": np.int64, "f": np.float64, "b": np.bool_}
    return [np.array([row[k] for row in rows], dtype=types[kind]) for k, kind in enumerate(kinds)]


STATS = {
    "total_return": 0.12345, "cagr": 0.0521, "volatility": 0.1834, "sharpe": 0.6123,
    "sortino": 0.8812, "max_drawdown": -0.2345, "trades": 1234.0, "win_rate": 0.4567,
    "fees": 1234.567, "exposure": 0.6012, "turnover": 3.21,
}  # fmt: skip


def make_page(record=None, trades=None, **changes):
    if record is None:
        record, trades = make_record()
    given = {
        "title": "ma_cross on made", "run": "run-1", "strategy": "ma_cross", "record": record,
        "trades": trades, "stats": STATS, "data": "made", "interval": str(record.bars.interval),
        "fingerprint": "0123456789abcdef", "code_version": "1.2.3", "engine": "fast",
        "params": {"fast": 20, "slow": 100},
        "benchmark": ("Buy and hold", np.full(len(record.equity), record.terms.cash)),
    }  # fmt: skip
    return BacktestPage(**(given | changes))


@pytest.fixture
def record_of():
    return make_record


@pytest.fixture
def page_of():
    return make_page
