"""A small sample of what is measured at full size."""

from benchmarks.data import features


def test_sample_of_the_figures_holds(monkeypatch):
    monkeypatch.setattr(features, "PIECES", 4)
    monkeypatch.setattr(features, "CUTS", 3)
    monkeypatch.setattr(features, "TIMES", 1)
    found = features.measure(0.0)
    assert len(found) == 6
    assert [figure.what for figure in found if not figure.holds] == []
