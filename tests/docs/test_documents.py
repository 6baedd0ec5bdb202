"""Documents are run: their Python, their commands, their configuration; and their links are there.

In a Markdown file,

- ``python`` blocks run in order, in one namespace and one empty folder; with ``>>>`` as doctests;
- ``console`` blocks: each line ``$ peak ...`` runs in that folder and must end with exit code 0;
- ``toml`` blocks must parse;
- a comment before a block changes that: ``<!-- file: mine.py -->`` writes it to a file instead,
  ``<!-- exit: 2 -->`` expects another exit code, ``<!-- not run: REASON -->`` leaves it alone.
"""

import doctest
import re
import shlex
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
PEAK = Path(sys.executable).with_name("peak")
FENCE = re.compile(
    r"(?:^<!-- *(?P<mark>file|exit|not run): *(?P<value>.*?) *-->\n+)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: where it begins, its language, its text, and the comment before it."""

    line: int
    language: str
    body: str
    mark: str
    value: str


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("body"))
        indent = found["indent"]
        body = re.sub(f"^{indent}", "", found["body"], flags=re.MULTILINE)
        yield Block(line, found["language"], body, found["mark"] or "", found["value"] or "")


def commands(body: str) -> Iterator[list[str]]:
    """The ``peak`` commands of a console block; a backslash continues a line."""
    for line in body.replace("\\\n", " ").split("\n"):
        if line.startswith("$ peak"):
            yield shlex.split(line[2:], comments=True)


def run_document(text: str, *, name: str, folder: Path) -> int:
    """Run what a document shows; gives the number of blocks run."""
    module = types.ModuleType("document_" + re.sub(r"\W", "_", name))
    sys.modules[module.__name__] = module
    try:
        return sum(
            run_block(block, f"{name}:{block.line}", module, folder) for block in blocks(text)
        )
    finally:
        del sys.modules[module.__name__]


def run_block(block: Block, where: str, module: types.ModuleType, folder: Path) -> bool:
    """Run one block; False where there is nothing to run."""
    if block.mark == "not run":
        return False
    if block.mark == "file":
        (folder / block.value).write_text(block.body, encoding="utf-8")
        return True
    if block.language == "python":
        run_python(block, where, module)
    elif block.language == "console":
        output = "".join(
            run_command(command, int(block.value or 0), where, folder)
            for command in commands(block.body)
        )
        missing = first_missing(block.body, output)
        assert missing is None, f"{where} shows a line that was not printed: {missing!r}\n{output}"
    elif block.language == "toml":
        tomllib.loads(block.body)
    else:
        return False
    return True


def run_python(block: Block, where: str, module: types.ModuleType) -> None:
    """Run a block in the document's namespace."""
    if not block.body.lstrip().startswith(">>>"):
        # As many empty lines before it as the document has, so that a traceback names the line.
        code = compile("\n" * block.line + block.body, where.partition(":")[0], "exec")
        exec(code, module.__dict__)
        return
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest(block.body, {}, where, where, block.line)
    test.globs = module.__dict__
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(test, out=report.append, clear_globs=False)
    assert not report, "".join(report)


def first_missing(body: str, output: str) -> str | None:
    """The first line that a console block shows and its commands did not print in that order."""
    joined = body.replace("\\\n", " ")
    shown = [line.strip() for line in joined.splitlines() if not line.startswith("$ ")]
    printed = iter([line.strip() for line in output.splitlines()])
    for line in shown:
        if line and line != "..." and line not in printed:  # consumes what was printed before it
            return line
    return None


def run_command(command: list[str], expected: int, where: str, folder: Path) -> str:
    """Run a command as its reader would, in the document's folder; gives what it printed."""
    done = subprocess.run(
        [str(PEAK), *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == expected, (
        f"{where}: {shlex.join(command)} ended with {done.returncode}, not {expected}\n"
        f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
    )
    return done.stdout + done.stderr


def broken_links(text: str, folder: Path) -> Iterator[str]:
    """Relative links of a document that lead nowhere."""
    prose = FENCE.sub("", text)
    for target in LINK.findall(prose):
        is_local = "://" not in target and not target.startswith("mailto:")
        if is_local and not (folder / target).exists():
            yield target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_document_shown_code_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = path.read_text(encoding="utf-8")
    run_document(text, name=path.name, folder=tmp_path)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_document_links_lead_somewhere(path: Path) -> None:
    assert not list(broken_links(path.read_text(encoding="utf-8"), path.parent))


def test_run_document_shares_names_and_files(tmp_path: Path) -> None:
    text = (
        "<!-- file: two.txt -->\n```python\n2\n```\n\n```python\nx = 1\n```\n"
        "<!-- not run: shown only -->\n```python\nraise ValueError\n```\n"
        "```python\n>>> x + 1\n2\n```\n```text\nno code\n```\n"
    )
    assert run_document(text, name="a.md", folder=tmp_path) == 3
    assert (tmp_path / "two.txt").read_text(encoding="utf-8") == "2\n"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("```python\n1 / 0\n```\n", ZeroDivisionError),
        ("```python\n>>> 1 + 1\n3\n```\n", AssertionError),
        ("```toml\na = \n```\n", tomllib.TOMLDecodeError),
        ("```console\n$ peak no-such-command\n```\n", AssertionError),
    ],
)
def test_run_document_given_a_wrong_block_fails(
    body: str, error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        run_document(body, name="wrong.md", folder=tmp_path)


def test_first_missing_given_other_output_names_the_line() -> None:
    body = "$ peak data \\\n  list\nname bars\n...\nvix 3\n"
    assert first_missing(body, "name bars\nwti 1\nvix 3\n") is None
    assert first_missing(body, "vix 3\nname bars\n") == "vix 3"


def test_commands_given_a_continued_line_join_it() -> None:
    body = "$ make demo\n$ peak data \\\n  list  # what is there\nsp500 ...\n"
    assert list(commands(body)) == [["peak", "data", "list"]]


def test_broken_links_given_a_missing_file_name_it(tmp_path: Path) -> None:
    text = "[a](here.md) [b](gone.md#part) [c](https://example.org)\n"
    (tmp_path / "here.md").touch()
    assert list(broken_links(text, tmp_path)) == ["gone.md"]
