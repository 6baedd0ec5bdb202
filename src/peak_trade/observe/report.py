"""One HTML file that says what a run or a sweep found; it needs no network and no server."""

import contextlib
import os
import secrets
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.domain.errors import InputError, PeakTradeError
from peak_trade.observe.backtest_page import backtest_context
from peak_trade.observe.comparison_page import comparison_context
from peak_trade.observe.page import BacktestPage, ComparedRun, ComparisonPage, SweepPage
from peak_trade.observe.sweep_page import sweep_context

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = [
    "BacktestPage",
    "ComparedRun",
    "ComparisonPage",
    "SweepPage",
    "write_backtest",
    "write_comparison",
    "write_sweep",
]

_TEMPLATES = Path(__file__).parent / "templates"
_IN_SCRIPT: dict[str, str | int | None] = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def write_backtest(page: BacktestPage, path: str | os.PathLike[str]) -> Path:
    """Write the report of a backtest: one file, readable offline, in print and without scripts.

    Parameters
    ----------
    page : BacktestPage
        What to show.
    path : str or path
        Where to. Missing folders are made; an older file is replaced in one step, so that a
        reader never sees half a page.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        The path is a folder, or cannot be written.
    """
    return _write(_rendered("backtest.html", backtest_context(page)), Path(path))


def write_sweep(page: SweepPage, path: str | os.PathLike[str]) -> Path:
    """Write the report of a sweep; path and errors as in :func:`write_backtest`."""
    return _write(_rendered("sweep.html", sweep_context(page)), Path(path))


def write_comparison(page: ComparisonPage, path: str | os.PathLike[str]) -> Path:
    """Write the report of a comparison; path and errors as in :func:`write_backtest`."""
    return _write(_rendered("comparison.html", comparison_context(page)), Path(path))


def _rendered(template: str, context: dict[str, object]) -> str:
    from markupsafe import Markup

    figures = str(context.pop("figures")).translate(str.maketrans(_IN_SCRIPT))
    return (
        _environment()
        .get_template(template)
        .render(
            **context,
            figures=Markup(figures),  # noqa: S704 - every character that could end the script is escaped
            style=_own("style.css"),
            dark=_own("dark.css"),
            theme=_own("theme.js"),
            script=_own("charts.js", "tables.js"),
            plotly=Markup(_plotly()),  # noqa: S704
        )
    )


def _own(*names: str) -> "Markup":
    from markupsafe import Markup

    # files of this package, which hold nothing that a user named
    return Markup("\n".join((_TEMPLATES / name).read_text("utf-8") for name in names))  # noqa: S704


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _plotly() -> str:
    # only the script is needed: importing the package takes longer than writing the report
    spec = find_spec("plotly")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        script = Path(folder) / "package_data" / "plotly.min.js"
        if script.is_file():
            return script.read_text("utf-8")
    raise PeakTradeError(
        "plotly.min.js was not found in the package plotly",
        hint="install it again: pip install --force-reinstall plotly",
    )


def _write(text: str, path: Path) -> Path:
    part = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(text.encode("utf-8", "replace"))
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise InputError(
            f"the report cannot be written to {path}: {error.strerror or error}",
            hint="name a file in a folder that you may write to, such as report.html",
            path=str(path),
        ) from error
    return path
