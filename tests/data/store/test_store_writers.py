"""Several writers at once: threads, processes, processes that are killed, an object store."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import polars as pl
import pytest

from benchmarks.data.crash import soaked
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.data.store.layout import Layout
from peak_trade.data.store.tables import table_of
from peak_trade.data.store.troubles import ConflictError
from peak_trade.data.store.upsert import Incoming, guards, planned
from peak_trade.domain.errors import DataError

MINUTE_NS = 60_000_000_000


def _together(stores: list[Store], write) -> list[Exception]:
    """Let each store write in a thread of its own, all at once."""
    barrier, wrong = Barrier(len(stores)), []

    def run(number: int, store: Store) -> None:
        barrier.wait()
        try:
            write(number, store)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
            wrong.append(error)

    threads = [Thread(target=run, args=pair) for pair in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_writers_of_one_series_lose_no_row(store, bars):
    stores = [Store.open(store.place) for _ in range(3)]

    def write(number: int, own: Store) -> None:
        for turn in range(5):
            minutes = [100 * number + turn, 1000 + turn]
            own.upsert(bars.key, bars(minutes), source=f"w{number}", received_ns=1)

    assert _together(stores, write) == []
    opens = (store.read(bars.key)["open_ns"] // MINUTE_NS).to_list()
    own = [100 * number + turn for number in range(3) for turn in range(5)]
    assert opens == sorted([*own, *range(1000, 1005)])
    versions = store.versions(bars.key)
    assert sum(one.added for one in versions) == len(opens)
    assert [one.rows for one in versions] == sorted(one.rows for one in versions)
    kept = store.stored(bars.key)
    assert kept is not None
    assert kept.rows == len(opens)


def test_writers_that_make_a_table_at_once_make_one(store, bars):
    for turn in range(3):
        key = SeriesKey("bars", f"v{turn}", "BTC/USD", "1m")
        stores = [Store.open(store.place) for _ in range(4)]

        def write(number: int, own: Store, key: SeriesKey = key) -> None:
            own.upsert(key, bars([number]), source="a", received_ns=1)

        assert _together(stores, write) == []
        assert store.read(key).height == 4
        assert [one.version for one in store.versions(key)] == [1, 2, 3, 4]


def test_writers_that_correct_one_row_raise_its_revision_one_by_one(store, bars):
    store.upsert(bars.key, bars(range(50)), source="a", received_ns=1)
    stores = [Store.open(store.place) for _ in range(2)]

    def write(number: int, own: Store) -> None:
        for turn in range(4):
            close = 10.0 + 10 * turn + number
            own.upsert(bars.key, bars([7], close), source=f"w{number}", received_ns=1)

    assert _together(stores, write) == []
    rows = store.read(bars.key)
    assert rows.height == 50
    assert rows["revision"][7] == 8
    assert sum(one.corrected for one in store.versions(bars.key)) == 8


def test_threads_may_share_a_store(store, bars):
    keys = [SeriesKey("bars", "kraken", f"S{number}", "1d") for number in range(4)]

    def write(number: int, own: Store) -> None:
        for turn in range(3):
            own.upsert(keys[number], bars([turn]), source="a", received_ns=1)
            assert own.read(keys[number]).height == turn + 1

    assert _together([store] * 4, write) == []
    assert [one.rows for one in store.series()] == [3] * 4


def _planned(store: Store, key: SeriesKey, rows: pl.DataFrame):
    """A plan on the newest version, that is yet to be committed."""
    table = store._tables.made(table_of(key))
    snapshot = table.ensure()
    layout = Layout.of(key.kind, key.interval)
    from peak_trade.data.store.rows import fitted

    plan = planned(
        table, snapshot, table.state(snapshot.version), {key.symbol: Incoming(fitted(key, rows))},
        kind=key.shape, layout=layout, source="a", received_ns=1,
    )  # fmt: skip
    return lambda: table.commit(
        snapshot, plan.adds, plan.removes, note={}, guards=guards([key.symbol])
    )


@pytest.mark.parametrize("meanwhile", ["add", "correct", "compact", "expire", "remove"])
def test_commit_planned_before_another_is_refused_where_they_touch(store, bars, meanwhile):
    for minute in (1, 2, 3):
        store.upsert(bars.key, bars([minute]), source="a", received_ns=1)
    other = Store.open(store.place)
    late = _planned(other, bars.key, bars([2, 9], 5.0))
    if meanwhile == "add":
        store.upsert(bars.key, bars([9], 4.0), source="b", received_ns=2)
    elif meanwhile == "correct":
        store.upsert(bars.key, bars([2], 4.0), source="b", received_ns=2)
    elif meanwhile == "compact":
        store.compact(bars.key)
    elif meanwhile == "expire":
        store.expire(now_ns=0, keep_versions=1)
    else:
        store.remove(bars.key, start_ns=0, stop_ns=10**18, source="b", received_ns=2)
    with pytest.raises(ConflictError):
        late()


def test_commit_planned_before_another_series_changed_goes_through(store, bars):
    store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    eth = SeriesKey("bars", "kraken", "ETH/USD", "1m")
    assert guards(["ETH/USD"]) != guards(["BTC/USD"])
    late = _planned(Store.open(store.place), bars.key, bars([2]))
    store.upsert(eth, bars([5]), source="a", received_ns=1)
    late()
    assert store.read(bars.key).height == 2
    assert store.read(eth).height == 1


def test_killed_writers_lose_and_tear_nothing():
    found = soaked(3)
    assert found.faults == []
    assert (found.kills, found.reads > 0, found.commits > 0) == (3, True, True)


def test_judge_of_killed_writers_finds_commits_that_were_not_made():
    assert any("lost" in fault for fault in soaked(1, planted="unwritten").faults)


# --- an object store -------------------------------------------------------------------------------

_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""
SECRET, ACCESS = "very-secret-value", "AKIATESTTESTTEST"


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """An S3 server in a process of its own, with a bucket; gives the options of a store."""
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
    )
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        with urllib.request.urlopen(urllib.request.Request(f"{url}/bars", method="PUT")):
            pass
        yield {
            "aws_access_key_id": ACCESS,
            "aws_secret_access_key": SECRET,
            "aws_region": "us-east-1",
            "aws_endpoint_url": url,
            "aws_allow_http": "true",
        }
        server.stdin.close()
        server.wait(20)


def test_object_store_holds_what_a_folder_does(bucket, bars):
    store = Store.open("s3://bars/one", options=bucket)
    store.upsert(bars.key, bars(range(30)), source="a", received_ns=1, cursor="c")
    store.upsert(bars.key, bars([3, 40], 2.0), source="b", received_ns=2)
    other = Store.open("s3://bars/one", options=bucket)
    rows = other.read(bars.key)
    assert rows.height == 31
    assert rows["revision"].sum() == 1
    assert other.read(bars.key, version=1)["close"].sum() == 30.0
    assert other.cursor(bars.key) == "c"
    assert other.diff(bars.key, 1, 2)["change"].to_list() == ["corrected", "added"]
    assert other.compact(bars.key).files_after == 1
    gone = other.expire(now_ns=0, keep_versions=1, grace_hours=0, key=bars.key)
    assert gone.versions > 0
    assert gone.files > 0
    assert store.read(bars.key).equals(rows)
    with pytest.raises(DataError, match="has expired"):
        store.read(bars.key, version=1)


def test_object_store_takes_two_writers(bucket, bars):
    stores = [Store.open("s3://bars/two", options=bucket) for _ in range(2)]

    def write(number: int, own: Store) -> None:
        for turn in range(3):
            own.upsert(bars.key, bars([10 * number + turn]), source="a", received_ns=1)

    assert _together(stores, write) == []
    opens = (stores[0].read(bars.key)["open_ns"] // MINUTE_NS).to_list()
    assert opens == [0, 1, 2, 10, 11, 12]


def test_object_store_errors_name_the_place_and_no_secret(bucket, bars):
    store = Store.open("s3://nowhere/x", options=bucket)
    with pytest.raises(DataError, match="the bucket of s3://nowhere/x is not there") as told:
        store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    away = {**bucket, "aws_endpoint_url": "http://127.0.0.1:9", "max_retries": "0"}
    with pytest.raises(DataError, match="could not be reached") as unreachable:
        Store.open("s3://bars/one", options=away).read(bars.key)
    for error in (told, unreachable):
        assert SECRET not in str(error.value)
        assert ACCESS not in str(error.value)


def test_folder_and_object_store_write_files_of_one_size(bucket, bars, tmp_path: Path):
    sizes = []
    for store in (Store.open(tmp_path), Store.open("s3://bars/size", options=bucket)):
        store.upsert(bars.key, bars(range(500)), source="a", received_ns=1)
        kept = store.stored(bars.key)
        assert kept is not None
        sizes.append(kept.bytes)
    assert sizes[0] == sizes[1]
