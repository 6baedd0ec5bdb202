"""A writer that is killed at random moments: what it acknowledged is there, and a new one goes on."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from journal.journals import STREAM, opened, verified

from peak_trade.journal.database import open_database
from peak_trade.journal.reader import read

WRITER = """
import sys
from pathlib import Path
from peak_trade.journal.database import open_database
from peak_trade.journal.writer import JournalWriter
url, stream, state = sys.argv[1:4]
journal = JournalWriter.open(
    open_database(url), stream, state_dir=Path(state), holder="victim", now_ns=1
)
print("open", journal.seq, flush=True)
k = journal.seq
while True:
    for _ in range(1 + k % 4):
        k = journal.append("fill", {"k": k + 1}, k)
    journal.sync()
    print("ack", k, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="a process is killed by a signal")
def test_writer_that_is_killed_loses_nothing_that_it_acknowledged(url: str, state: Path) -> None:
    rng = np.random.default_rng(7)
    database = open_database(url)
    acknowledged = 0
    for life in range(6):
        victim = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WRITER, url, STREAM, str(state)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert victim.stdout is not None
        try:
            lines = [victim.stdout.readline() for _ in range(int(rng.integers(2, 60)))]
            threading.Event().wait(rng.uniform(0, 0.002))  # anywhere within a sync
        finally:
            victim.kill()
            lines += victim.stdout.readlines()
            victim.stdout.close()
            victim.wait(30)
        whole = [line for line in lines if line.endswith("\n")]
        assert int(whole[0].split()[1]) >= acknowledged, "a life began before what was promised"
        acknowledged = max(acknowledged, int(whole[-1].split()[1]))
        found = [entry.payload["k"] for entry in read(database, STREAM)]
        assert len(found) >= acknowledged
        assert found == list(range(1, len(found) + 1))
        report = verified(database, state)
        assert report.is_whole, (life, report)
        assert report.unanchored <= 4, "no more than one group"
    with opened(database, state) as journal:
        assert journal.epoch == 7
        assert journal.seq >= acknowledged
    assert verified(database, state).is_whole
