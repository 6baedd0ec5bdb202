"""Full disks, damaged files, folders of others, formats of the future: a clear error, nothing lost."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from peak_trade.data.store import Store, default_store
from peak_trade.data.store.place import Place
from peak_trade.domain.errors import DataError

_CHILD = """
import os, resource, signal, sys
import polars as pl
from peak_trade.data.series import SeriesKey
from peak_trade.data.store import Store
from peak_trade.domain.errors import DataError
import deltalake, deltalake.transaction, deltalake.exceptions, deltalake.schema, stamina
key = SeriesKey("bars", "kraken", "BTC/USD", "1m")
opens = pl.Series("open_ns", range(1, 30_001), dtype=pl.Int64) * 60_000_000_000
rows = pl.DataFrame([opens, (opens + 1).alias("close_ns")]).with_columns(
    close=pl.col("open_ns").hash().cast(pl.Float64))
store = Store.open(sys.argv[1])
assert store.read(key).height == 1
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
elif os.getuid() == 0:
    os.setuid(65534)
try:
    print(store.upsert(key, rows, source="a", received_ns=1))
except DataError as error:
    print("told:", error)
try:
    print(store.upsert(key, rows.head(2), source="a", received_ns=1).added)
except DataError as error:
    print("told:", error)
print(store.read(key).height)
"""


def _in_child(store: Store, limit: int) -> str:
    command = [sys.executable, "-c", _CHILD, store.place, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _table(store: Store) -> Path:
    return Path(store.place) / "bars" / "kraken" / "1m"


def _parquet(store: Store) -> list[Path]:
    return sorted(p for p in _table(store).rglob("*.parquet") if "_delta_log" not in p.parts)


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="limits of files are POSIX")
def test_full_disk_is_told_and_leaves_everything_as_it_was(store, bars):
    """Files may not grow: what a write finds when no block is left (EFBIG for ENOSPC)."""
    store.upsert(bars.key, bars([0]), source="a", received_ns=1)
    files = _parquet(store)
    said = _in_child(store, 20_000)
    assert "told: no space was left while writing bars/kraken/1m" in said
    assert said.splitlines()[1:] == ["2", "3"]
    assert len(_parquet(store)) == len(files) + 1
    assert store.read(bars.key).height == 3


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="limits of files are POSIX")
def test_full_disk_in_the_middle_of_the_log_loses_nothing(store, bars):
    store.upsert(bars.key, bars([0]), source="a", received_ns=1)
    said = _in_child(store, 400)
    assert said.count("told: no space was left") == 2
    assert said.splitlines()[-1] == "1"
    assert store.upsert(bars.key, bars([7]), source="a", received_ns=1).added == 1
    assert store.read(bars.key).height == 2


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="users are POSIX")
def test_folder_without_permission_is_told(bars):
    """A child that is not root, in a folder that it may read."""
    with tempfile.TemporaryDirectory() as name:
        store = Store.open(Path(name) / "store")
        store.upsert(bars.key, bars([0]), source="a", received_ns=1)
        folders = [Path(name), *(path for path in Path(name).rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o555)
        try:
            said = _in_child(store, 0)
        finally:
            for folder in folders:
                folder.chmod(0o755)
    assert said.count("told: no permission for writing bars/kraken/1m") == 2
    assert said.splitlines()[-1] == "1"


def test_damaged_file_is_told_and_earlier_versions_stay_whole(store, bars):
    kept = store.upsert(bars.key, bars([0]), source="a", received_ns=1).version
    store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    snapshot = store._tables.found(bars.key, None)[1]
    path = _table(store) / snapshot.parts.sort("first_ns")["path"][1]
    path.write_bytes(b"PAR1" + b"\0" * 40)
    with pytest.raises(DataError, match="cannot be read or written while reading bars/kraken/1m"):
        store.read(bars.key)
    assert store.read(bars.key, version=kept).height == 1
    path.unlink()
    with pytest.raises(DataError, match="a file of the store is missing"):
        store.read(bars.key)
    with pytest.raises(DataError, match="a file of the store is missing"):
        store.upsert(bars.key, bars([1], 5.0), source="a", received_ns=2)
    assert store.read(bars.key, version=kept).height == 1


def test_missing_entry_of_the_log_is_told(store, bars):
    for minute in range(5):
        store.upsert(bars.key, bars([minute]), source="a", received_ns=1)
    (_table(store) / "_delta_log" / f"{2:020d}.json").unlink()
    with pytest.raises(DataError, match=r"the log of .* is not whole"):
        Store.open(store.place).read(bars.key)


def test_missing_log_is_told_and_never_begun_again(store, bars):
    store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    for entry in (_table(store) / "_delta_log").iterdir():
        entry.unlink()
    for attempt in (
        lambda one: one.read(bars.key),
        lambda one: one.upsert(bars.key, bars([2]), source="a", received_ns=1),
    ):
        with pytest.raises(DataError, match=r"log of .* is not whole.*Parquet files and no log"):
            attempt(Store.open(store.place))
    assert len(_parquet(store)) == 1


def test_damaged_entry_of_the_log_is_told(store, bars):
    store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    (_table(store) / "_delta_log" / f"{1:020d}.json").write_text('{"commitInfo":{"timest')
    with pytest.raises(DataError):
        Store.open(store.place).read(bars.key)


def test_table_of_a_newer_format_is_told(store, bars):
    store.upsert(bars.key, bars([1]), source="a", received_ns=1)
    first = _table(store) / "_delta_log" / f"{0:020d}.json"
    text = first.read_text()
    first.write_text(text.replace('"peak.format":"1"', '"peak.format":"2"'))
    assert first.read_text() != text
    with pytest.raises(DataError, match="format 2 of a store, 1 is known; install a newer version"):
        Store.open(store.place).read(bars.key)
    first.write_text(text)
    newer = {"protocol": {"minReaderVersion": 99, "minWriterVersion": 99}}
    (_table(store) / "_delta_log" / f"{2:020d}.json").write_text(json.dumps(newer))
    with pytest.raises(DataError, match="install a newer version of peak-trade"):
        Store.open(store.place).read(bars.key)


def test_place_that_is_a_file_or_unknown_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="is a file; name a folder"):
        Store.open(tmp_path / "file")
    with pytest.raises(DataError, match="cannot lie at ftp://"):
        Store.open("ftp://host/x")
    with pytest.raises(DataError, match="names no bucket"):
        Store.open("s3://")
    with pytest.raises(DataError, match="holds a name or a password") as told:
        Store.open("s3://me:secretsecret@bucket/x")
    assert "secretsecret" not in str(told.value)


def test_options_are_never_shown():
    options = {
        "aws_secret_access_key": "abcdef123",
        "aws_access_key_id": "AKIAXYZ",
        "aws_region": "eu",
    }
    store = Store.open("s3://bucket/x", options=options)
    place = Place.parse("s3://bucket/x", options)
    for text in (repr(store), str(store), repr(place), place.hidden("key AKIAXYZ abcdef123 in eu")):
        assert "abcdef123" not in text
        assert "AKIAXYZ" not in text


def test_default_store_is_that_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PEAK__DATA__STORE", str(tmp_path))
    assert default_store() == tmp_path
    monkeypatch.delenv("PEAK__DATA__STORE")
    assert default_store().name == "market"


def test_reading_an_empty_place_makes_nothing(tmp_path):
    store = Store.open(tmp_path / "none")
    assert store.series() == ()
    assert not (tmp_path / "none").exists()


def test_a_write_that_fails_leaves_no_file_behind(store, bars, monkeypatch):
    store.upsert(bars.key, bars([0, 1]), source="a", received_ns=1)
    files = _parquet(store)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", refuse)
    with pytest.raises(DataError, match="no space was left"):
        store.upsert(bars.key, bars([1, 2], 4.0), source="a", received_ns=1)
    assert _parquet(store) == files


def test_bit_that_was_turned_is_found_and_never_written_on(store, bars):
    closes = np.random.default_rng(1).uniform(1.0, 2.0, 1000).tolist()  # lz4 leaves these alone
    store.upsert(bars.key, bars(range(1000), closes), source="a", received_ns=1)
    assert store.verify(bars.key) == 1
    (path,) = _parquet(store)
    whole = path.read_bytes()
    place = whole.index(np.float64(closes[500]).tobytes())
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert store.read(bars.key)["close"][500] != closes[500]  # nothing else would show it
    with pytest.raises(DataError, match="bytes are not those that were written"):
        store.verify(bars.key)
    with pytest.raises(DataError, match="bytes are not those that were written"):
        store.upsert(bars.key, bars([7], 5.0), source="b", received_ns=2)
    with pytest.raises(DataError, match="bytes are not those that were written"):
        store.remove(bars.key, start_ns=0, stop_ns=1, source="b", received_ns=2)
    path.write_bytes(whole)
    assert store.upsert(bars.key, bars([7], 5.0), source="b", received_ns=3).corrected == 1
    assert store.verify(bars.key) == 1
