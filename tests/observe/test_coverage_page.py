"""The page of coverage: whole, safe, and right about each cell."""

from html.parser import HTMLParser

import numpy as np

from peak_trade.observe.coverage_page import coverage_page


class Cells(HTMLParser):
    """What the cells of a page are called, and their classes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if "cell" in str(said.get("class")):
            self.found.append((str(said["class"]), str(said["title"])))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(name: str = "X") -> str:
    return coverage_page(
        names=[name, "Y"],
        periods=["2023-12", "2024-01"],
        share=np.array([[0.5, 1.0], [0.0, np.nan]]),
        bars=np.array([[372, 744], [0, 9]]),
        scores=[88.04, 0.0],
    )


def test_page_has_a_cell_for_each_series_and_period() -> None:
    cells = Cells()
    cells.feed(page())
    assert cells.open == []
    assert cells.found == [
        ("cell", "X, 2023-12: 372 bars, 50.0 % of trading time"),
        ("cell", "X, 2024-01: 744 bars, 100.0 % of trading time"),
        ("cell none", "Y, 2023-12: 0 bars, 0.0 % of trading time"),
        ("cell unknown", "Y, 2024-01: 9 bars"),
    ]
    assert '<td class="score">88.0</td>' in page()


def test_page_writes_names_as_text() -> None:
    text = page('<script>"&')
    assert "<script" not in text
    assert "&lt;script&gt;&quot;&amp;, 2023-12: 372 bars" in text


def test_page_needs_nothing_from_elsewhere() -> None:
    assert "default-src 'none'" in page()
    assert "http:" not in page()
    assert "https:" not in page()
