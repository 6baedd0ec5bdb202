"""Composition root: configuration, wiring and the faces."""
