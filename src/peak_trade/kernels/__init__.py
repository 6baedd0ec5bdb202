"""Arithmetic of money, fills, windows and statistics: arrays and scalars only."""
