"""The processes of the crash soak: a writer that is killed, and a reader that sees no error."""

import sys
import time

from benchmarks.data.crash_batches import KEYS, faults_of, write
from peak_trade.data.store import Store
from peak_trade.domain.errors import PeakTradeError

_COMPACT_EVERY = 40


def _write(store: Store, writer: int, planted: str) -> None:
    """Write from the batch on that is told, and tell of each that is committed."""
    print("ready", flush=True)
    batch = int(sys.stdin.readline())
    while True:
        if planted == "unwritten" and batch % 5 == 4:
            print(f"done {batch}", flush=True)
            batch += 1
            continue
        write(store, writer, batch, planted=planted)
        print(f"done {batch}", flush=True)
        batch += 1
        if batch % _COMPACT_EVERY == 0 and writer == 0:
            store.compact(KEYS[0])


def _read(store: Store) -> None:
    """Read until the end of input is near, and tell what was wrong."""
    reads = 0
    print("ready", flush=True)
    limit_s, begun = float(sys.stdin.readline()), time.monotonic()
    stop = _Stop()
    version = -1
    while not stop.is_told() and time.monotonic() - begun < limit_s:
        try:
            if store.stored(KEYS[0]) is None:
                continue
            frames = store.read_many(KEYS, columns=["open_ns", "close"])
            now = store.versions(KEYS[0])[-1].version
        except PeakTradeError as error:
            print(f"fault a reader was told: {error}", flush=True)
            break
        for fault in faults_of(frames):
            print(f"fault {fault}", flush=True)
        if now < version:
            print(f"fault version {now} came after {version}", flush=True)
        version = now
        reads += 1
    print(f"reads {reads}", flush=True)


class _Stop:
    """Whether the parent has closed the input."""

    def __init__(self) -> None:
        import threading

        self._thread = threading.Thread(target=sys.stdin.read, daemon=True)
        self._thread.start()

    def is_told(self) -> bool:
        return not self._thread.is_alive()


if __name__ == "__main__":
    folder, role, number, fault = sys.argv[1:5]
    if role == "writer":
        _write(Store.open(folder), int(number), fault)
    else:
        _read(Store.open(folder))
