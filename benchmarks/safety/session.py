"""How quickly a paper session decides, journals and acknowledges."""

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.safety import Figure
from peak_trade.domain.bars import Bars
from peak_trade.domain.event import BarsClosed, Recorder
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.terms import Costs, Terms
from peak_trade.engine.drive import Drive
from peak_trade.engine.replay import Retracing
from peak_trade.engine.rows import StoredRows
from peak_trade.engine.session import Session
from peak_trade.journal.database import open_database
from peak_trade.journal.writer import JournalWriter
from peak_trade.risk.gate import RiskGate
from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.limits import RiskLimits, ScopedLimits
from peak_trade.strategies import MaCross


def measure(scale: float) -> list[Figure]:
    """Figures of a paper session with its journal in SQLite and the real kill switch."""
    rows = max(int(200_000 * scale), 20_000)
    speed = statistics.median(_replay(rows) for _ in range(3))
    delays = _delays(max(int(5_000 * scale), 500))
    p50, p99 = np.percentile(delays, (50, 99)) * 1e3
    return [
        Figure(
            "session",
            f"paper replay of {rows:,} minute bars, journal on",
            "at least 5,000 bars/s",
            f"{speed:,.0f} bars/s",
            speed >= 5_000,
            is_speed=True,
        ),
        Figure(
            "session",
            f"signal to acknowledged paper order, journal durable ({len(delays):,} orders)",
            "p50 at most 2 ms, p99 at most 20 ms",
            f"p50 {p50:.2f} ms, p99 {p99:.2f} ms",
            bool(p50 <= 2 and p99 <= 20),
            is_speed=True,
        ),
    ]


def _bars(rows: int) -> Bars:
    rng = np.random.default_rng(42)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 5e-4, rows))), 4)
    open_ = np.concatenate((close[:1], close[:-1]))
    return Bars.from_arrays(
        close,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        volume=np.full(rows, 1e6),
        interval="1m",
        instruments=[Instrument("X", tick=0.0001, lot=0.01)],
    )


class _Place:
    """A session's surroundings in a folder that goes away."""

    def __init__(self, folder: Path, bars: Bars, targets: np.ndarray) -> None:
        self.kill = KillSwitch(folder / "state", environment="paper", now_ns=time.time_ns())
        database = open_database(f"sqlite:///{folder / 'journal.sqlite'}")
        self.writer = JournalWriter.open(
            database, "bench", state_dir=folder / "state", holder="benchmark"
        )
        self.trace = Retracing((), self.writer)
        limits = ScopedLimits(RiskLimits.wide())
        gate = RiskGate(limits, self.kill, environment="paper", account="bench")
        self.session = Session(
            bars,
            StoredRows(targets),
            start=0,
            stop=len(bars),
            terms=Terms(cash=1e9, costs=Costs(commission=1e-4)),
            gate=gate,
            recorder=_Timed(self.trace),
            run="bench",
        )

    def close(self) -> None:
        self.writer.close()
        self.kill.close()


class _Timed:
    """A recorder that notes when each order was acknowledged."""

    def __init__(self, onward: Recorder) -> None:
        self._onward = onward
        self.acknowledged = 0.0

    def append(self, kind: str, payload: Mapping[str, object], time_ns: int) -> int:
        """Pass on; an accepted order is an acknowledgement."""
        seq = self._onward.append(kind, payload, time_ns)
        if kind == "order.state":
            self.acknowledged = time.perf_counter()
        return seq

    def sync(self) -> None:
        """Pass on."""
        self._onward.sync()


def _replay(rows: int) -> float:
    bars = _bars(rows)
    targets = np.asarray(MaCross(fast=20, slow=50).targets(bars), np.float64)
    with tempfile.TemporaryDirectory() as folder:
        place = _Place(Path(folder), bars, targets)
        drive = Drive(
            place.session,
            recorder=place.trace,
            kill=place.kill,
            account="bench",
            strategy="bench",
            stop_asked=lambda: "",
            now_ns=time.time_ns,
        )
        begun = time.perf_counter()
        drive.run(0, rows, bars.time.tolist())
        took = time.perf_counter() - begun
        place.close()
    return rows / took


def _delays(orders: int) -> list[float]:
    """Seconds from a row's close to the acknowledged order that it led to."""
    bars = _bars(orders)
    targets = np.where(np.arange(orders) % 2 == 0, 0.5, -0.5)[:, None]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        place = _Place(Path(folder), bars, targets)
        timed = place.session._recorder
        for row in range(orders):
            begun = time.perf_counter()
            place.session.step(BarsClosed(row, int(bars.time[row])))
            if isinstance(timed, _Timed) and timed.acknowledged > begun:
                found.append(timed.acknowledged - begun)
        place.close()
    return found
