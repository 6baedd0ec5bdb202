"""Addresses by name, and the catalogue that does not read them."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from importlib.machinery import ModuleSpec

import pytest

from peak_trade.data.address import Address
from peak_trade.data.catalogue import catalogue
from peak_trade.data.load import load
from peak_trade.domain.errors import DataError


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("builtin:sp500", "builtin", "sp500"),
        ("file:any.thing", "file", "any.thing"),
        ("a/b.csv", "file", "a/b.csv"),
        ("B.CSV.GZ", "file", "B.CSV.GZ"),
        ("c.parquet", "file", "c.parquet"),
        ("kraken:BTC/USD", "store", "BTC/USD"),
        ("my_venue:BTC/USDT:USDT", "store", "BTC/USDT:USDT"),
    ],
)
def test_address_known_form_is_parsed(text: str, kind: str, place: str) -> None:
    source = Address.parse(text)
    assert (source.kind, source.place) == (kind, place)


@pytest.mark.parametrize("text", ["", "builtin:", "file:", "sp600", "http:x"])
def test_address_unknown_form_is_an_error(text: str) -> None:
    with pytest.raises(DataError, match="write builtin:NAME, VENUE:SYMBOL"):
        Address.parse(text)


def test_address_builtin_without_prefix_is_hinted() -> None:
    with pytest.raises(DataError, match=r"did you mean builtin:sp500\?"):
        Address.parse("sp500")


def test_catalogue_installed_packages_are_available() -> None:
    series = catalogue()
    assert [item.name for item in series] == [
        "sp500", "nasdaq", "vix", "wti", "ff_factors", "sp500_stocks", "sp500_index", "factor_etfs",
    ]  # fmt: skip
    assert all(item.available for item in series)
    with pytest.raises(FrozenInstanceError):
        series[0].rows = 1  # type: ignore[misc]


def test_catalogue_without_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr("importlib.util.find_spec", nothing)
    assert not any(item.available for item in catalogue())
    with pytest.raises(DataError, match=r"package arch, which is not installed.*\[research\]"):
        load("builtin:sp500")


def test_address_import_brings_no_heavy_library() -> None:
    code = (
        "import sys, peak_trade.data.address as s; s.catalogue(); "
        "print([m for m in ('polars', 'pandas', 'numba', 'arch', 'skfolio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_load_builtin_imports_no_package_it_reads() -> None:
    code = (
        "import sys; from peak_trade.data.load import load; load('builtin:sp500'); "
        "load('builtin:factor_etfs'); "
        "print([m for m in ('pandas', 'arch', 'skfolio', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
