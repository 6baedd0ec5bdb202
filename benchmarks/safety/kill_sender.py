"""A process that does one part of the kill switch's measurement: it sends, it trips, or it hangs.

``python -m benchmarks.safety.kill_sender ROLE FOLDER [VENUE [PACE_S]]``. It says what it does on
standard output, a word a line, and ends with its standard input.
"""

import logging
import os
import sys
import threading
import time
from pathlib import Path

from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kill_switch import KilledError

SYMBOL = "X"
LINE = b"order\n"


def main(role: str, folder: str, venue: str = "", pace_s: str = "0") -> None:
    """Do what the role says until standard input ends."""
    logging.disable()
    threading.Thread(target=_end_with_input, daemon=True).start()
    switch = KillSwitch(Path(folder), environment="paper", now_ns=time.time_ns())
    if role == "trip":
        _trip(switch)
        return
    orders = os.open(venue, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    _say("ready")
    if role == "hang":
        with switch.sending("a1", "s1", SYMBOL):
            _say("inside")
            time.sleep(60)
    send = _check_and_send if role == "naive" else _send
    while True:
        if not send(switch, orders) and not float(pace_s):
            time.sleep(0.0005)
        if float(pace_s):
            time.sleep(float(pace_s))


def _send(switch: KillSwitch, orders: int) -> bool:
    try:
        with switch.sending("a1", "s1", SYMBOL):
            os.write(orders, LINE)
    except KilledError:
        return False
    return True


def _check_and_send(switch: KillSwitch, orders: int) -> bool:
    """What a flag alone is: looked at, then sent."""
    if switch.blocking("a1", "s1", (SYMBOL,)) is not None:
        return False
    time.sleep(0.05)  # the order is built
    os.write(orders, LINE)
    return True


def _trip(switch: KillSwitch) -> None:
    """Trip again and again; says so after each acknowledgement."""
    _say("ready")
    sys.stdin.readline()
    for number in range(1_000):
        if switch.trip(f"trip {number}", by="signal", now_ns=number).is_confirmed:
            _say("acknowledged")


def _end_with_input() -> None:
    """End when the parent does, however that ends; a tripper reads its own start from it."""
    if sys.argv[1] != "trip":
        sys.stdin.read()
        os._exit(0)


def _say(word: str) -> None:
    os.write(1, f"{word}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
