"""The shape of the source, read from its syntax: who may do what, and where.

Every check is a function from a file's name and syntax tree to its findings, and is shown to find
a planted breach by the same function that reads the source.
"""

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "peak_trade"
Check = Callable[[str, ast.Module], Iterator[str]]

CLOCKS = {
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
}
MAY_READ_A_CLOCK = ("engine/clock.py", "adapters/", "data/", "journal/", "app/")
GENERATORS = {"default_rng", "Generator", "SeedSequence", "PCG64", "PCG64DXSM", "Philox", "SFC64"}
RUNS_CODE = {"eval", "exec", "compile"}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
ARRAYS_ONLY = {"kernels": {"numpy", "numba", "llvmlite"}, "domain": {"numpy"}}


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a chain of names, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that is imported, function bodies included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def submits(name: str, tree: ast.Module) -> Iterator[str]:
    """Orders go to a venue from the pipeline alone. A thread pool's submit is another thing."""
    if name == "execution/pipeline.py":
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "submit":
            owner = dotted(node.value).rpartition(".")[2]
            if owner not in ("pool", "executor"):
                yield f"{name}:{node.lineno} reaches for {owner or '...'}.submit"


def mode_checks(name: str, tree: ast.Module) -> Iterator[str]:
    """What a mode means stands in engine/mode alone."""
    if name == "engine/mode.py":
        return
    for node in ast.walk(tree):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        sides += [node.subject] if isinstance(node, ast.Match) else []
        for side in sides:
            if dotted(side).rpartition(".")[2] == "mode":
                yield f"{name}:{node.lineno} compares a mode"


def clocks(name: str, tree: ast.Module) -> Iterator[str]:
    """Time is passed in. Measuring a duration (perf_counter, monotonic) is no clock."""
    if name.startswith(MAY_READ_A_CLOCK):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and any(
            dotted(node) == clock or dotted(node).endswith(f".{clock}") for clock in CLOCKS
        ):
            yield f"{name}:{node.lineno} reads the clock: {dotted(node)}"
    for line, full in imported(tree):
        if full in ("time.time", "time.time_ns"):
            yield f"{name}:{line} reads the clock: {full}"


def chance(name: str, tree: ast.Module) -> Iterator[str]:
    """Random code takes a numpy Generator; the global ones are nobody's."""
    for line, full in imported(tree):
        if full.split(".")[0] == "random":
            yield f"{name}:{line} imports random"
        if full.startswith("numpy.random.") and full.rpartition(".")[2] not in GENERATORS:
            yield f"{name}:{line} imports {full}"
    for node in ast.walk(tree):
        owner, _, last = (
            dotted(node).rpartition(".") if isinstance(node, ast.Attribute) else [""] * 3
        )
        if owner in ("np.random", "numpy.random") and last not in GENERATORS:
            yield f"{name}:{node.lineno} draws from {owner}.{last}"
        if last in ("uuid4", "uuid1"):
            yield f"{name}:{node.lineno} draws an id: {owner}.{last}"


def unsafe(name: str, tree: ast.Module) -> Iterator[str]:
    """Input is data, never code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            if called in RUNS_CODE or called.endswith(("yaml.load", "os.system", "os.popen")):
                yield f"{name}:{node.lineno} runs what it reads: {called}"
            if any(k.arg == "shell" and getattr(k.value, "value", 0) for k in node.keywords):
                yield f"{name}:{node.lineno} opens a shell"
            allows = [k for k in node.keywords if k.arg == "allow_pickle"]
            if any(getattr(k.value, "value", True) for k in allows):
                yield f"{name}:{node.lineno} allows pickle"
    for line, full in imported(tree):
        if full.split(".")[0] in UNSAFE_MODULES:
            yield f"{name}:{line} imports {full.split('.')[0]}"


def docstrings(name: str, tree: ast.Module) -> Iterator[str]:
    """Every module, and every public class, function and method, says what it gives."""

    def visit(node: ast.AST, path: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            if not isinstance(child, kinds) or child.name.startswith("_"):
                continue
            if any(dotted(d).endswith(("overload", ".setter")) for d in child.decorator_list):
                continue
            where = f"{path}{child.name}"
            if not (ast.get_docstring(child) or "").strip().split("\n")[0]:
                yield f"{name}:{child.lineno} {where} has no docstring"
            if isinstance(child, ast.ClassDef):
                yield from visit(child, f"{where}.")

    if tree.body and not ast.get_docstring(tree):
        yield f"{name}:1 has no docstring"
    yield from visit(tree, "")


def arrays_only(name: str, tree: ast.Module) -> Iterator[str]:
    """Kernels and domain know the standard library, arrays and each other, nothing else."""
    package = name.split("/")[0]
    for line, full in imported(tree) if package in ARRAYS_ONLY else ():
        root = full.split(".")[0]
        known = sys.stdlib_module_names | ARRAYS_ONLY[package] | {"peak_trade"}
        if root not in known:
            yield f"{name}:{line} imports {root}"


def broad_handlers(name: str, tree: ast.Module) -> Iterator[str]:
    """Only the session's edge catches everything, and the gate, where a rule that fails refuses."""
    if name in ("engine/session.py", "risk/gate.py"):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        for kind in kinds:
            if kind is None or dotted(kind) in ("Exception", "BaseException"):
                ends = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
                if not ends:
                    yield f"{name}:{node.lineno} swallows every exception"


def bag_signatures(name: str, tree: ast.Module) -> Iterator[str]:
    """Public functions name their arguments: no ``**kwargs`` but the fields of an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.kwarg:
            public = not node.name.startswith("_")
            if public:
                yield f"{name}:{node.lineno} {node.name} takes **{node.args.kwarg.arg}"


CHECKS: dict[Check, tuple[str, str]] = {
    submits: ("engine/session.py", "def step(self):\n    self.venue.submit(order)"),
    mode_checks: ("execution/sim.py", "if session.mode == 'live':\n    pass"),
    clocks: ("stats/performance.py", "import datetime\nnow = datetime.datetime.now()"),
    chance: ("stats/resample.py", "import numpy as np\nx = np.random.normal()"),
    unsafe: ("data/load.py", "import yaml\nx = yaml.load(text)"),
    docstrings: (
        "domain/bars.py",
        "'''Bars.'''\nclass Bars:\n    '''Bars.'''\n    def close(self): ...",
    ),
    arrays_only: ("domain/bars.py", "def frame(self):\n    import polars"),
    broad_handlers: ("engine/fast.py", "try:\n    pass\nexcept Exception:\n    pass"),
    bag_signatures: ("research/sweep.py", "def sweep(strategy, **options): ..."),
}
MORE_BREACHES: list[tuple[Check, str, str]] = [
    (submits, "risk/gate.py", "send = venue.submit"),
    (mode_checks, "engine/session.py", "match self.mode:\n    case 'live': pass"),
    (mode_checks, "engine/session.py", "x = mode in LIVE"),
    (clocks, "research/backtest.py", "from time import time_ns"),
    (clocks, "engine/session.py", "import time\nt = time.time()"),
    (chance, "strategies/ml.py", "import random"),
    (chance, "engine/fast.py", "import uuid\nrun = uuid.uuid4()"),
    (unsafe, "research/sweep.py", "import pickle"),
    (unsafe, "data/load.py", "x = eval(text)"),
    (unsafe, "data/load.py", "x = np.load(path, allow_pickle=True)"),
    (unsafe, "app/jobs.py", "subprocess.run(text, shell=True)"),
    (docstrings, "stats/drawdown.py", "def depth(): return 0"),
    (arrays_only, "kernels/rolling.py", "from scipy.signal import lfilter"),
    (broad_handlers, "data/load.py", "try:\n    pass\nexcept (ValueError, Exception):\n    pass"),
]
LAWFUL: list[tuple[Check, str, str]] = [
    (submits, "execution/pipeline.py", "venue.submit(approved)"),
    (submits, "research/sweep.py", "pool.submit(run, block)"),
    (mode_checks, "engine/mode.py", "if mode == 'live': pass"),
    (clocks, "engine/clock.py", "import time\nnow = time.time_ns()"),
    (clocks, "research/sweep.py", "import time\nstart = time.perf_counter()"),
    (chance, "stats/resample.py", "import numpy as np\nrng = np.random.default_rng(7)"),
    (unsafe, "data/load.py", "pattern = re.compile(text)"),
    (
        broad_handlers,
        "app/wiring.py",
        "try:\n    pass\nexcept Exception as e:\n    raise Bad from e",
    ),
]


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the package, by its path within it."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_source_under_check_has_no_breach(check: Check) -> None:
    found = [line for name, tree in sources() for line in check(name, tree)]
    assert not found, f"{check.__doc__}\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("check", "name", "text"),
    [(check, *planted) for check, planted in CHECKS.items()] + MORE_BREACHES,
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_check_given_a_planted_breach_finds_it(check: Check, name: str, text: str) -> None:
    assert list(check(name, ast.parse(text))), f"{check.__name__} overlooks {text!r}"


@pytest.mark.parametrize(
    ("check", "name", "text"), LAWFUL, ids=lambda v: v.__name__ if callable(v) else ""
)
def test_check_given_lawful_code_finds_nothing(check: Check, name: str, text: str) -> None:
    assert not list(check(name, ast.parse(text)))


def test_public_surface_lists_exactly_the_names_that_resolve() -> None:
    package = importlib.import_module("peak_trade")
    names = getattr(package, "__all__", None)
    if names is None:
        pytest.skip("peak_trade has no __all__ yet")
    assert sorted(set(names)) == sorted(names), "a name stands twice in __all__"
    missing = [name for name in names if not hasattr(package, name)]
    assert not missing, f"__all__ promises what is not there: {missing}"
    assert set(names) <= set(dir(package)), "dir(peak_trade) hides a public name"


def test_public_surface_given_an_unknown_name_refuses_it() -> None:
    package = importlib.import_module("peak_trade")
    with pytest.raises(AttributeError):
        _ = package.no_such_name
