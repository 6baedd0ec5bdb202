"""Sources by their names: registered ones, those of a family, and those of another package."""

import textwrap
from pathlib import Path

import pytest

from peak_trade.app.sources import (
    address_variable,
    family_names,
    found_source,
    opened_source,
    registered_sources,
)
from peak_trade.data.source import Setup, SourceError

TOY = """
from peak_trade.data.source import Offer
CLOSED = []

class Toy:
    offer = Offer("toy", frozenset({"series"}), is_verified=False, keys=("TOY_KEY",), note="toys")

    def __init__(self, setup):
        self.setup = setup
        self.name, self.kinds, self.is_verified = "toy", self.offer.kinds, False

    def close(self):
        CLOSED.append(self)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package of somebody else that registers a source, and one that is broken."""
    (tmp_path / "toy_source.py").write_text(textwrap.dedent(TOY), encoding="utf-8")
    info = tmp_path / "toy_source-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-source\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[peak_trade.sources]\ntoy = toy_source:Toy\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return info


def test_the_built_in_sources_are_registered_with_what_they_offer() -> None:
    known = {one.offer.name: one for one in registered_sources()}
    assert known["kraken"].offer.kinds == {"bars", "trades"}
    assert known["binance"].offer.is_verified
    assert {one.package for one in known.values()} >= {"peak-trade"}
    assert known["kraken"].keys_set({"PEAK_KRAKEN_KEY": "x"}) == ("PEAK_KRAKEN_KEY",)


def test_a_source_of_another_package_is_found_made_and_closed(toy: Path) -> None:
    import toy_source

    found = found_source("toy")
    assert (found.offer.note, found.package, found.family) == ("toys", "toy-source", "")
    with opened_source("toy", Setup(base_url="http://127.0.0.1:1", environment={"A": "1"})) as one:
        assert one.setup.base_url == "http://127.0.0.1:1"
        assert toy_source.CLOSED == []
    assert toy_source.CLOSED == [one]
    with pytest.raises(KeyboardInterrupt), opened_source("toy") as one:
        raise KeyboardInterrupt
    assert toy_source.CLOSED[1:] == [one]


def test_a_source_that_cannot_be_loaded_is_told(toy: Path) -> None:
    (toy / "entry_points.txt").write_text("[peak_trade.sources]\ntoy = toy_source:Missing\n")
    with pytest.raises(SourceError, match=r"'toy' cannot be loaded from toy_source:Missing"):
        found_source("toy")


def test_exchanges_of_ccxt_are_found_by_their_names_unverified() -> None:
    for name in ("bybit", "ccxt.bybit"):
        found = found_source(name)
        assert (found.offer.name, found.offer.is_verified, found.family) == ("bybit", False, "ccxt")
        with opened_source(name, Setup(base_url="http://127.0.0.1:1")) as source:
            assert source.name == "bybit"
    names = family_names()["ccxt"]
    assert "bybit" in names
    assert "kraken" not in names  # it is registered by itself


@pytest.mark.parametrize("name", ["krakn", "ccxt.krakn", "nobody.kraken"])
def test_an_unknown_source_is_told(name: str) -> None:
    with pytest.raises(SourceError, match="is not known") as caught:
        found_source(name)
    assert "peak data sources" in caught.value.hint


def test_an_address_of_the_environment_is_taken_where_none_is_given(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEAK_TOY_URL", "http://127.0.0.1:2")
    with opened_source("toy") as one:
        assert one.setup.base_url == "http://127.0.0.1:2"
    with opened_source("toy", Setup(base_url="http://127.0.0.1:3")) as one:
        assert one.setup.base_url == "http://127.0.0.1:3"
    assert address_variable("ccxt.bybit") == "PEAK_BYBIT_URL"
