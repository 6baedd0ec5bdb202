"""Market data in: load, normalise, validate."""
