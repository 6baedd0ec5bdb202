"""The public surface: exactly ``__all__``, loaded when it is used."""

import subprocess
import sys

import pytest

import peak_trade as pt

HEAVY = ("numpy", "numba", "polars", "pandas", "pydantic", "plotly", "jinja2", "typer", "rich")


def in_a_fresh_process(code):
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def test_import_loads_no_heavy_library():
    loaded = in_a_fresh_process("import sys, peak_trade; print(*sorted(sys.modules))").split()
    assert "peak_trade" in loaded
    assert not {name.partition(".")[0] for name in loaded} & set(HEAVY)
    assert [name for name in loaded if name.startswith("peak_trade.")] == []


@pytest.mark.parametrize("name", pt.__all__)
def test_every_public_name_resolves_and_says_what_it_is(name):
    found = getattr(pt, name)
    assert found is getattr(pt, name)
    assert found.__doc__
    assert found.__name__.rpartition(".")[2] in (name, "indicators")


def test_public_names_are_sorted_and_those_the_package_promises():
    assert pt.__all__ == sorted(pt.__all__)
    promised = {"load", "backtest", "sweep", "Strategy", "from_signals", "Bars", "ind", "param"}
    assert promised <= set(pt.__all__)


def test_dir_lists_every_public_name_before_it_is_used():
    listed = in_a_fresh_process("import peak_trade; print(*dir(peak_trade))").split()
    assert set(pt.__all__) <= set(listed)


def test_star_import_brings_exactly_the_public_names():
    names = in_a_fresh_process(
        "space = {}; exec('from peak_trade import *', space); space.pop('__builtins__');"
        "print(*sorted(space))"
    )
    assert names.split() == sorted(pt.__all__)


def test_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'peak_trade' has no attribute 'bactest'"):
        _ = pt.bactest
    with pytest.raises(ImportError):
        from peak_trade import bactest  # noqa: F401
