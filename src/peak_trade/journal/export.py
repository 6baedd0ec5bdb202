"""A journal as a file of its own: JSON Lines or Parquet, whole or not at all, and read back."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from peak_trade.domain.errors import JournalError
from peak_trade.journal.canonical import parsed_json
from peak_trade.journal.files import sync_folder
from peak_trade.journal.record import GENESIS, Row, fault_of, payload_text
from peak_trade.journal.store import Source, store_of

COLUMNS = ("stream", *Row._fields)
"""What each line or row of an export holds; ``payload`` is an object in JSON Lines, its text in Parquet."""


def export_jsonl(source: Source, stream: str, path: Path, *, overwrite: bool = False) -> int:
    """Write a journal as JSON Lines, one record a line, and give how many.

    Raises
    ------
    JournalError
        A file is there and ``overwrite`` was not asked for, it cannot be written, or a record of the
        journal is damaged. Then no file is left, and one that was there stays as it was.
    """

    def write(file: BinaryIO) -> int:
        count = 0
        for row in _checked(source, stream):
            shown: dict[str, object] = {"stream": stream, **row._asdict()}
            shown["payload"] = parsed_json(row.payload)
            file.write(payload_text(shown).encode() + b"\n")
            count += 1
        return count

    return _written(path, write, overwrite=overwrite)


def export_parquet(source: Source, stream: str, path: Path, *, overwrite: bool = False) -> int:
    """Write a journal as a Parquet table, one record a row, and give how many.

    Raises
    ------
    JournalError
        As :func:`export_jsonl`.
    """
    import polars as pl

    kinds = {
        "stream": pl.String, "seq": pl.Int64, "epoch": pl.Int64, "time_ns": pl.Int64,
        "kind": pl.String, "payload": pl.String, "checksum": pl.Int64, "prev": pl.String,
        "hash": pl.String,
    }  # fmt: skip

    def write(file: BinaryIO) -> int:
        rows = [(stream, *row) for row in _checked(source, stream)]
        frame = pl.DataFrame(rows, schema=kinds, orient="row")
        frame.write_parquet(file)
        return frame.height

    return _written(path, write, overwrite=overwrite)


def read_export(path: Path) -> Iterator[tuple[str, Row]]:
    """The stream and the records of an export, checked as a journal is.

    Raises
    ------
    JournalError
        It is none, or a record of it is not what was written.
    """
    found = _parquet_lines(path) if path.suffix == ".parquet" else _json_lines(path)
    seq, prev, epoch = 0, GENESIS, 0
    for stream, row in found:
        fault = fault_of(row, stream, prev=prev, seq=seq + 1, epoch=epoch)
        if fault:
            raise JournalError(f"record {seq + 1} of {path}: {fault}", hint="export it again")
        yield stream, row
        seq, prev, epoch = row.seq, row.hash, row.epoch


def _json_lines(path: Path) -> Iterator[tuple[str, Row]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                value = parsed_json(line)
            except ValueError:
                value = None
            if not isinstance(value, dict) or set(value) != set(COLUMNS):
                raise JournalError(f"line {number} of {path} is no record", hint="export it again")
            value["payload"] = payload_text(value["payload"])
            yield str(value["stream"]), Row(*(value[name] for name in Row._fields))


def _parquet_lines(path: Path) -> Iterator[tuple[str, Row]]:
    import polars as pl

    frame = pl.read_parquet(path)
    if tuple(frame.columns) != COLUMNS:
        raise JournalError(f"{path} holds no records", hint="export it again")
    for stream, *values in frame.iter_rows():
        yield stream, Row(*values)


def _checked(source: Source, stream: str) -> Iterator[Row]:
    """The rows of a stream, each checked; a damaged one is not exported as if it were whole."""
    seq, prev, epoch = 0, GENESIS, 0
    with store_of(source) as store:
        for row in store.rows(stream):
            fault = fault_of(row, stream, prev=prev, seq=seq + 1, epoch=epoch)
            if fault:
                raise JournalError(
                    f"record {seq + 1} of {stream} cannot be exported: {fault}",
                    hint="peak journal verify shows the extent",
                )
            yield row
            seq, prev, epoch = row.seq, row.hash, row.epoch
    if seq == 0:
        raise JournalError(f"{stream} has no records", hint="peak sessions lists the sessions")


def _written(path: Path, write: Callable[[BinaryIO], int], *, overwrite: bool) -> int:
    """Write a file beside its place, bring it to the disk, and put it in place in one step."""
    if path.exists() and not overwrite:
        raise _is_there(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            count = write(file)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename it never takes the place of another file
        sync_folder(path.parent)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError as error:
        raise JournalError(
            f"{path} cannot be written: {error.strerror}", hint="check the folder and its space"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return count


def _is_there(path: Path) -> JournalError:
    return JournalError(
        f"{path} is there already", hint="name another file, or ask to overwrite it"
    )
