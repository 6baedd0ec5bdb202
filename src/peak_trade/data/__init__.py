"""Market data in: load, normalise, validate, store."""

from peak_trade.data.address import Address
from peak_trade.data.catalogue import BuiltinSeries, catalogue

__all__ = ["Address", "BuiltinSeries", "catalogue"]
