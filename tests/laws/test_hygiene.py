"""What no file of the repository may hold, over everything that git tracks."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt")

# Written in pieces, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:" + "|".join(["work", "root", "tm" + "p"]) + r")/\w")
HOME_PATH = re.compile(r"/(?:home|Users)/\w+/")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
HIDDEN = re.compile(r"pragma: no " + r"cover|# (?:type: ignore(?!\[)|noqa(?!: ))")
ADDRESS = re.compile(r"\w+://|--(?:extra-)?index-url|--find-links|--trusted-host")
SECRET = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE " + r"KEY|gh[pousr]_\w{30}")
MERGE = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)

RULES: dict[str, tuple[re.Pattern[str], str]] = {
    "machine path": (MACHINE_PATH, ""),
    "home path": (HOME_PATH, ""),
    "unfinished work": (UNFINISHED, ".py"),
    "hidden finding": (HIDDEN, ".py"),
    "secret": (SECRET, ""),
    "merge marker": (MERGE, ""),
}
PLANTED = {
    "machine path": 'DATA = "/tm' + 'p/bars.csv"',
    "home path": "/home/" + "someone/bars.csv",
    "unfinished work": "# TO" + "DO: shorts",
    "hidden finding": "x = y  # type: " + "ignore",
    "secret": "AKIA" + "A" * 16,
    "merge marker": "<" * 7 + " HEAD",
}


def tracked() -> list[Path]:
    """Files that git tracks and that are there; outside a clone, nothing."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Name and content of every tracked text file."""
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            yield path.relative_to(ROOT).as_posix(), content.decode("utf-8")


def breaches(rule: str, name: str, text: str) -> Iterator[str]:
    """Lines of a file that break a rule."""
    pattern, suffix = RULES[rule]
    if name.endswith(suffix):
        for found in pattern.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{name}:{line} {found.group()!r}"


def shape_faults(name: str, text: str) -> Iterator[str]:
    """What an editor that follows .editorconfig would not have left."""
    if text and not text.endswith("\n"):
        yield f"{name} does not end with a newline"
    if text.endswith("\n\n"):
        yield f"{name} ends with empty lines"
    if "\r" in text:
        yield f"{name} has carriage returns"
    if name.endswith(".py") and "\t" in text:
        yield f"{name} has tabs"
    yield from (
        f"{name}:{i} has spaces at its end"
        for i, line in enumerate(text.split("\n"), 1)
        if line != line.rstrip() and name != "LICENSE"
    )


def lock_faults(text: str) -> Iterator[str]:
    """A lock holds names, versions, markers and hashes, nothing of a machine or a registry."""
    yield from (found.group() for found in ADDRESS.finditer(text))
    entry = re.compile(r"[A-Za-z0-9._-]+(?:\[[\w,-]+\])?==[\w.+!]+(?: ; [^\\]+)?")
    for block in re.split(r"\n(?=\S)", text.strip()):
        first, *rest = [line.strip().removesuffix("\\").strip() for line in block.split("\n")]
        if not entry.fullmatch(first):
            yield f"{first!r} is no pinned requirement"
        if not rest or any(not re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", x) for x in rest):
            yield f"{first!r} is not pinned by hashes alone"


@pytest.mark.parametrize("rule", RULES)
def test_tracked_files_under_rule_have_no_breach(rule: str) -> None:
    found = [line for name, text in texts() for line in breaches(rule, name, text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", RULES)
def test_rule_given_a_planted_breach_finds_it(rule: str) -> None:
    assert list(breaches(rule, "src/planted.py", PLANTED[rule]))


def test_tracked_files_have_clean_line_ends() -> None:
    found = [fault for name, text in texts() for fault in shape_faults(name, text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["x = 1", "x = 1 \n", "x\r\n", "\tx\n", "x\n\n"])
def test_shape_given_a_sloppy_file_finds_it(text: str) -> None:
    assert list(shape_faults("src/planted.py", text))


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_versions_and_hashes_alone(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not list(lock_faults(text))
    assert "\ntorch==" not in f"\n{text}", "nothing here needs torch"


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://example.org/simple\n",
        "numpy==2.0.0\n",
        "numpy>=2.0.0 \\\n    --hash=sha256:" + "0" * 64,
        "numpy==2.0.0 \\\n    --hash=sha256:" + "0" * 64 + "\n    # via somewhere",
        "numpy @ file:///wheels/numpy.whl \\\n    --hash=sha256:" + "0" * 64,
    ],
)
def test_lock_given_a_foreign_line_finds_it(text: str) -> None:
    assert list(lock_faults(text))


def test_runtime_lock_pins_what_the_full_lock_pins() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        return {re.split(r"[;\\ ]", line)[0] for line in lines if "==" in line[:60]}

    assert pins(LOCKS[0]) <= pins(LOCKS[1])
