"""The journal: what the verifier finds, what a record costs, and who gets the last unit."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.safety import Figure
from peak_trade.journal.anchor import Anchors
from peak_trade.journal.database import Database, open_database
from peak_trade.journal.record import GENESIS, Row, checksum_of, hash_of
from peak_trade.journal.reservations import Reservations
from peak_trade.journal.store import DatabaseStore
from peak_trade.journal.verify import verify
from peak_trade.journal.writer import JournalWriter

PART = "journal"
STREAM = "01BENCHMARK"
RECORDS = 60
PROCESSES = 8
ORDER: dict[str, object] = {
    "client_id": "01K0000000-0-12", "instrument": 3, "side": "buy", "lots": 120, "limit": 101.25,
    "reason": "target", "parent": None, "reduce_only": False,
}  # fmt: skip
RACER = """
import sys
from peak_trade.journal.database import open_database
from peak_trade.journal.reservations import Reservations
held = Reservations(open_database(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
won = 0
for k in range(int(sys.argv[3])):
    won += held.reserve(f"round{k}", sys.argv[2], "order", 1.0, 1.0) is not None
print(won, flush=True)
held.close()
"""


def measure(scale: float) -> list[Figure]:
    """The figures of the journal; ``scale`` 1.0 makes every count the full one."""
    return [
        *_tamperings(max(int(10_000 * scale), 200)),
        *_verification(max(int(1_000_000 * scale), 5_000)),
        *_latency(max(int(5_000 * scale), 300)),
        *_race(max(int(10_000 * scale), 100)),
    ]


@contextmanager
def _place() -> Iterator[tuple[Database, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        yield open_database(f"sqlite:///{folder}/journal.sqlite"), Path(folder)


def _opened(database: Database, folder: Path) -> JournalWriter:
    return JournalWriter.open(database, STREAM, state_dir=folder, holder="benchmark", now_ns=1)


def _filled(database: Database, folder: Path, records: int, *, group: int) -> None:
    with _opened(database, folder) as journal:
        for k in range(1, records + 1):
            journal.append("order.intent", ORDER | {"k": k}, k)
            if k % group == 0:
                journal.sync()


def _tamperings(count: int) -> list[Figure]:
    """Changes of every kind at random places; the journal is verified after each, and put back."""
    found, kinds = 0, dict.fromkeys((change.__name__ for change in CHANGES), 0)
    with _place() as (database, folder):
        _filled(database, folder, RECORDS, group=7)
        store, anchors = DatabaseStore(database), Anchors(folder).of(STREAM)
        sound = list(store.rows(STREAM))
        for seed in range(count):
            rng = np.random.default_rng(seed)
            change = CHANGES[seed % len(CHANGES)]
            rows = change(list(sound), int(rng.integers(RECORDS)), rng)
            is_found = _is_found(store, rows, lambda: verify(store, STREAM, anchors).is_whole)
            found += is_found
            kinds[change.__name__] += not is_found
        is_sound = verify(store, STREAM, anchors).is_whole
        store.close()
    missed = ", ".join(f"{name} {n}" for name, n in kinds.items() if n)
    return [
        Figure(
            PART, f"tamperings found ({len(CHANGES)} kinds)", f"{count} of {count}",
            f"{found} of {count}" + (f" (missed: {missed})" if missed else ""),
            found == count and is_sound,
        )
    ]  # fmt: skip


def _is_found(store: DatabaseStore, rows: list[Row], is_whole: Callable[[], bool]) -> bool:
    raw = store.connection.raw
    raw.execute("BEGIN")
    raw.execute("DELETE FROM events")
    raw.cursor().executemany(
        "INSERT INTO events (stream, seq, epoch, time_ns, kind, payload, checksum, prev, hash) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(STREAM, *row) for row in rows],
    )
    try:
        return not is_whole()
    finally:
        raw.execute("ROLLBACK")


def _verification(records: int) -> list[Figure]:
    with _place() as (database, folder):
        _filled(database, folder, records, group=5_000)
        anchors = Anchors(folder).of(STREAM)
        begun = perf_counter()
        report = verify(database, STREAM, anchors)
        seconds = perf_counter() - begun
    allowed = 10 * records / 1_000_000
    return [
        Figure(
            PART, f"verify {records:,} records", f"at most {allowed:.2f} s", f"{seconds:.2f} s",
            report.is_whole and report.records == records and seconds <= allowed, is_speed=True,
        )
    ]  # fmt: skip


def _latency(rounds: int) -> list[Figure]:
    rng = np.random.default_rng(11)
    appends, syncs = [], []
    with _place() as (database, folder), _opened(database, folder) as journal:
        for k in range(rounds):
            records = int(rng.integers(1, 4))
            begun = perf_counter()
            for _ in range(records):
                journal.append("order.intent", ORDER, k)
            between = perf_counter()
            journal.sync()
            syncs.append(perf_counter() - between)
            appends.append((between - begun) / records)
    append = float(np.median(appends)) * 1e6
    p50, p99 = (float(np.quantile(syncs, q)) * 1e3 for q in (0.5, 0.99))
    return [
        Figure(PART, "append a record, p50", "at most 15 us", f"{append:.1f} us", append <= 15, True),
        Figure(
            PART, "sync of 1 to 3 records, p50 / p99", "p50 at most 0.5 ms",
            f"{p50:.2f} ms / {p99:.2f} ms", p50 <= 0.5, is_speed=True,
        ),
    ]  # fmt: skip


def _race(rounds: int) -> list[Figure]:
    with _place() as (database, _):
        url = database.engine.url.render_as_string(hide_password=False)
        held = Reservations(database)
        times = []
        for k in range(max(rounds // 10, 50)):
            begun = perf_counter()
            held.reserve("alone", "me", f"order{k}", 1.0, 1e9)
            held.release("alone", f"order{k}")
            times.append((perf_counter() - begun) / 2)
        won = _raced(url, rounds)
        above = sum(held.total(f"round{k}") != 1.0 for k in range(rounds))
        held.close()
    p50 = float(np.median(times)) * 1e3
    return [
        Figure(
            PART, f"{PROCESSES} processes for the last unit, rounds above the limit",
            f"0 of {rounds:,}", f"{above} of {rounds:,}", above == 0 and won == rounds,
        ),
        Figure(PART, "reserve or release, p50", "below 0.5 ms", f"{p50:.3f} ms", p50 < 0.5, True),
    ]  # fmt: skip


def _raced(url: str, rounds: int) -> int:
    """How often one of the processes was told that it holds the unit."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, url, f"s{k}", str(rounds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for k in range(PROCESSES)
    ]  # fmt: skip
    try:
        for racer in racers:
            if racer.stdout is None or racer.stdout.readline() != "ready\n":
                raise RuntimeError("a process of the race did not start")
        for racer in racers:
            if racer.stdin is not None:
                racer.stdin.write("go\n")
                racer.stdin.flush()
        return sum(int(racer.communicate(timeout=600)[0]) for racer in racers)
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()


Rows = list[Row]


def _rechained(rows: Rows, start: int) -> Rows:
    """All hashes from a row on made anew, as by one who knows the code but not the key."""
    prev = rows[start - 1].hash if start else GENESIS
    for k in range(start, len(rows)):
        row = rows[k]
        digest = hash_of(
            prev, STREAM, seq=row.seq, epoch=row.epoch, time_ns=row.time_ns, kind=row.kind,
            payload=row.payload,
        )  # fmt: skip
        rows[k] = row._replace(prev=prev, hash=digest, checksum=checksum_of(row.payload))
        prev = digest
    return rows


def _numbered(rows: Rows) -> Rows:
    return [row._replace(seq=n) for n, row in enumerate(rows, 1)]


def altered(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    """Another number in a payload."""
    payload = rows[k].payload.replace("120", str(rng.integers(121, 10_000)))
    rows[k] = rows[k]._replace(payload=payload)
    return rows


def altered_with_checksum(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    """The same with its checksum made anew."""
    row = altered(rows, k, rng)[k]
    rows[k] = row._replace(checksum=checksum_of(row.payload))
    return rows


def altered_and_rehashed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    """The same with all hashes made anew."""
    return _rechained(altered(rows, k, rng), k)


def retimed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    """Another time."""
    rows[k] = rows[k]._replace(time_ns=rows[k].time_ns + int(rng.integers(1, 1000)))
    return rows


def removed(rows: Rows, k: int, _: np.random.Generator) -> Rows:
    """One record less."""
    del rows[k]
    return rows


def removed_and_rehashed(rows: Rows, k: int, _: np.random.Generator) -> Rows:
    """One record less, the others renumbered and their hashes made anew."""
    rest = _numbered(rows[:k] + rows[k + 1 :])
    return _rechained(rest, k) if k < len(rest) else rest


def swapped(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    """Two records in each other's place."""
    other = (k + int(rng.integers(1, len(rows)))) % len(rows)
    one, two = rows[k], rows[other]
    rows[k], rows[other] = two._replace(seq=one.seq), one._replace(seq=two.seq)
    return rows


def swapped_and_rehashed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    """The same with all hashes made anew."""
    return _rechained(swapped(rows, k, rng), 0)


def cut(rows: Rows, k: int, _: np.random.Generator) -> Rows:
    """The end missing."""
    return rows[:k]


def duplicated(rows: Rows, k: int, _: np.random.Generator) -> Rows:
    """A record once more at the end."""
    return [*rows, rows[k]._replace(seq=len(rows) + 1)]


def duplicated_and_rehashed(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    """The same with its hash made anew."""
    return _rechained(duplicated(rows, k, rng), len(rows))


def renumbered(rows: Rows, k: int, rng: np.random.Generator) -> Rows:
    """Another sequence number."""
    rows[k] = rows[k]._replace(seq=int(rng.choice([-1, 0, len(rows) + 7])))
    return rows


def begun_later(rows: Rows, k: int, _: np.random.Generator) -> Rows:
    """The beginning missing, the others renumbered and their hashes made anew."""
    return _rechained(_numbered(rows[k + 1 :]), 0)


CHANGES = (
    altered, altered_with_checksum, altered_and_rehashed, retimed, removed, removed_and_rehashed,
    swapped, swapped_and_rehashed, cut, duplicated, duplicated_and_rehashed, renumbered, begun_later,
)  # fmt: skip
