"""Market data in: load, normalise, validate."""

from peak_trade.data.source import BuiltinSeries, Source, catalogue

__all__ = ["BuiltinSeries", "Source", "catalogue"]
