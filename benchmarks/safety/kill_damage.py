"""Kinds of damage to the kill switch's files, none of which may leave it ACTIVE."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from peak_trade.risk.kill_files import KillSwitch
from peak_trade.risk.kill_store import Disk, Head, KillStore
from peak_trade.risk.kills import GLOBAL, Instant, Reason, Scope, Standing, Trip
from peak_trade.risk.operators import Role, Verified

Damage = Callable[[Path], object]
OTHER = Scope("live", "another account")


def _bytes(name: str, data: bytes) -> Damage:
    return lambda own: (own / name).write_bytes(data)


def _changed(name: str, change: Callable[[bytes], bytes]) -> Damage:
    return lambda own: (own / name).write_bytes(change((own / name).read_bytes()))


def _state(change: Callable[[dict[str, object]], object], *, is_signed: bool) -> Damage:
    """Change a field of the state, with its seal made anew or left as it was."""

    def do(own: Path) -> None:
        path = own / "state.json"
        signed = json.loads(path.read_bytes())
        change(signed["body"])
        text = json.dumps(signed["body"], sort_keys=True, separators=(",", ":"))
        if is_signed:
            signed["mac"] = _store(own).seal("state", text)
        path.write_text(json.dumps(signed), encoding="utf-8")

    return do


def _standing(key: str, value: object) -> Damage:
    def change(body: dict[str, object]) -> None:
        standing = body["standing"]
        if isinstance(standing, dict):
            standing[key] = value

    return _state(change, is_signed=True)


def _store(own: Path) -> KillStore:
    return KillStore(own, own.parent / "kill.made", Disk())


def _removed(name: str) -> Damage:
    def do(own: Path) -> None:
        (own / name).unlink()

    return do


def _folder(name: str) -> Damage:
    def do(own: Path) -> None:
        (own / name).unlink()
        (own / name).mkdir()

    return do


def _link(own: Path) -> None:
    (own / "state.json").rename(own / "elsewhere.json")
    (own / "state.json").symlink_to(own / "elsewhere.json")


def _opened(name: str, bits: int) -> Damage:
    return lambda own: (own / name).chmod(bits)


def _owned(own: Path) -> None:
    """Hand the state to somebody else; where that is not allowed, open it to everybody."""
    try:
        os.chown(own / "state.json", 65_534, 65_534)
    except PermissionError:
        (own / "state.json").chmod(0o606)


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Damage:
    return _changed("audit.log", lambda data: b"".join(change(data.splitlines(keepends=True))))


def _rolled_back(*names: str) -> Damage:
    """Put back what the files were before the last transition."""

    def do(own: Path) -> None:
        for name in names:
            shutil.copy2(own.parent / "before" / name, own / name)

    return do


def _all_gone(own: Path) -> None:
    shutil.rmtree(own)


def _forged(own: Path) -> None:
    """A state of another folder, well signed with its own key."""
    with TemporaryDirectory() as name:
        KillSwitch(Path(name), environment="paper", now_ns=0, alert=_nobody)
        shutil.copy2(Path(name) / "kill" / "state.json", own / "state.json")


def _flag_ahead(own: Path) -> None:
    data = bytearray((own / "flags").read_bytes())
    data[16:24] = (1_000).to_bytes(8, "little")
    (own / "flags").write_bytes(bytes(data))


def _two_histories(own: Path) -> None:
    """A second, well sealed history of one record beside the state."""
    (own / "audit.log").unlink()
    store = _store(own)
    kept = (own / "state.json").read_bytes()
    store.write(Head(), Standing(), kind="made", by="nobody", time_ns=0, detail={})
    (own / "state.json").write_bytes(kept)


def _unfinished(own: Path) -> None:
    """A record beyond the state that nobody was writing."""
    store = _store(own)
    head, standing = store.read_state()
    kept = (own / "state.json").read_bytes()
    store.write(head, standing, kind="code", by="nobody", time_ns=0, detail={})
    (own / "state.json").write_bytes(kept)


def _killed_twice(body: dict[str, object]) -> None:
    standing = Standing().killed(OTHER, Reason("x", "y", 0))
    from peak_trade.risk.kills import to_plain

    plain = to_plain(standing)
    kills = plain["kills"]
    body["standing"] = {**plain, "kills": [*kills, *kills] if isinstance(kills, list) else []}


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGES: dict[str, Damage] = {
    "state missing": _removed("state.json"),
    "state empty": _bytes("state.json", b""),
    "state cut": _changed("state.json", _cut),
    "state zeros": _changed("state.json", lambda data: b"\0" * len(data)),
    "state no text": _bytes("state.json", b"\xff\xfe\x00peak"),
    "state no JSON": _bytes("state.json", b"state: ACTIVE\n"),
    "state a list": _bytes("state.json", b"[]"),
    "state deep": _bytes("state.json", b"[" * 100_000),
    "state one bit": _changed("state.json", _flipped),
    "state with more behind it": _changed("state.json", lambda data: data + b"{}"),
    "state without a seal": _changed(
        "state.json", lambda data: json.dumps({"body": json.loads(data)["body"]}).encode()
    ),
    "state with a number as seal": _changed(
        "state.json", lambda data: json.dumps({**json.loads(data), "mac": 1}).encode()
    ),
    "state with another seal": _changed(
        "state.json", lambda data: json.dumps({**json.loads(data), "mac": "0" * 64}).encode()
    ),
    "state changed unsigned": _state(lambda body: body.update(seq=7), is_signed=False),
    "state of another format": _state(lambda body: body.update(format=2), is_signed=True),
    "state format as text": _state(lambda body: body.update(format="1"), is_signed=True),
    "state number as text": _state(lambda body: body.update(seq="1"), is_signed=True),
    "state with a field more": _state(lambda body: body.update(note="x"), is_signed=True),
    "state epoch negative": _standing("epoch", -1),
    "state epoch zero": _standing("epoch", 0),
    "state epoch a fraction": _standing("epoch", 3.0),
    "state epoch true": _standing("epoch", True),
    "state epoch beyond": _standing("epoch", 2**63),
    "state epoch fell": _standing("epoch", 1),
    "state kills no list": _standing("kills", {}),
    "state kills of nothing": _standing("kills", [None]),
    "state killed twice": _state(_killed_twice, is_signed=True),
    "state a folder": _folder("state.json"),
    "state a link": _link,
    "state open to all": _opened("state.json", 0o666),
    "state of another owner": _owned,
    "state of another folder": _forged,
    "state rolled back": _rolled_back("state.json"),
    "state and audit rolled back": _rolled_back("state.json", "audit.log"),
    "audit missing": _removed("audit.log"),
    "audit empty": _bytes("audit.log", b""),
    "audit line cut": _changed("audit.log", lambda data: data[:-5]),
    "audit last record gone": _lines(lambda lines: lines[:-1]),
    "audit first record gone": _lines(lambda lines: lines[1:]),
    "audit records swapped": _lines(lambda lines: [lines[1], lines[0], *lines[2:]]),
    "audit record doubled": _lines(lambda lines: [*lines, lines[-1]]),
    "audit one bit": _changed("audit.log", _flipped),
    "audit with a record more": _unfinished,
    "audit another history": _two_histories,
    "audit rolled back": _rolled_back("audit.log"),
    "key missing": _removed("key"),
    "key short": _changed("key", _cut),
    "key another": _changed("key", lambda data: bytes(reversed(data))),
    "key open to all": _opened("key", 0o644),
    "flags missing": _removed("flags"),
    "flags cut": _changed("flags", _cut),
    "flags zeros": _changed("flags", lambda data: b"\0" * len(data)),
    "flags ahead": _flag_ahead,
    "everything gone": _all_gone,
    "a sentinel": lambda own: (own.parent / "KILL").touch(),
}
"""What is done to a switch that is ACTIVE, by its name."""


def made(folder: Path) -> None:
    """A switch that is ACTIVE and has a past: it was killed twice, and recovered from it."""
    from peak_trade.risk.recovery import Fact, RecoveryFacts

    switch = KillSwitch(folder, environment="paper", now_ns=0, alert=_nobody)
    facts = RecoveryFacts(*[Fact(True, "nothing was traded")] * 3)
    now = Instant(5, 5, "boot")
    risk = Verified("rita", Role.RISK, has_second_factor=True)
    operator = Verified("olaf", Role.OPERATOR, has_second_factor=True)
    for number in range(2):
        switch.trip(f"past {number}", by="a test", now_ns=number)
        code = switch.issue_code(GLOBAL, operator=risk, config="c", now=now)
        switch.request_recovery(
            code,
            scope=GLOBAL,
            cause="it was only a test",
            operator=operator,
            facts=facts,
            config="c",
            now=now,
        )
        before = folder / "before"
        shutil.rmtree(before, ignore_errors=True)
        shutil.copytree(folder / "kill", before)
        switch.complete_recovery(scope=GLOBAL, operator=risk, facts=facts, now=now, cooldown_s=0)
    switch.close()


def damaged_switch_blocks(name: str) -> bool:
    """Whether a switch that suffered a kind of damage is tripped, and stays so at the next start."""
    with TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        made(state)
        DAMAGES[name](state / "kill")
        first = _opened_again(state)
        (state / "KILL").unlink(missing_ok=True)  # its removal clears nothing
        return first and _opened_again(state)


def _opened_again(state: Path) -> bool:
    switch = KillSwitch(state, environment="paper", now_ns=9, alert=_nobody)
    try:
        return switch.blocking("a1", "s1", ("X",)) is not None
    finally:
        switch.close()


def _nobody(_: Trip) -> None:
    """Tell nobody."""
