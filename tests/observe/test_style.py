"""Colours of the pages can be read: contrast by WCAG 2.2, 1.4.3."""

import re
from pathlib import Path

import pytest

import peak_trade.observe.report as home

TEMPLATES = Path(home.__file__).parent / "templates"
TEXT_ON = [
    ("ink", "paper"), ("muted", "paper"), ("muted", "panel"), ("gain", "paper"), ("loss", "paper"),
    ("accent", "paper"), ("ink", "warn"), ("ink", "flag"), ("ink", "gain-4"), ("ink", "loss-4"),
    ("ink", "gain-1"), ("ink", "loss-1"), ("muted", "gain-1"), ("muted", "loss-1"),
]  # fmt: skip


def palette(name):
    text = (TEMPLATES / name).read_text("utf-8")
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", text))


def luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("scheme", ["style.css", "dark.css"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_stands_out_from_its_ground(text, ground, scheme):
    colours = palette(scheme)
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["style.css", "dark.css"])
def test_lines_stand_out_from_the_paper(scheme):
    colours = palette(scheme)
    for name in ("quiet", *(f"series-{k}" for k in range(1, 11))):
        assert contrast(colours[name], colours["paper"]) >= 3.0, name


def test_both_schemes_have_the_same_names():
    names = [set(re.findall(r"--([a-z0-9-]+):", (TEMPLATES / name).read_text("utf-8")))
             for name in ("style.css", "dark.css")]  # fmt: skip
    assert names[0] == names[1]
