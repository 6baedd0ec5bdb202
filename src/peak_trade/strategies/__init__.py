"""Signal definitions, one family a file."""

from peak_trade.strategies.breakout import DonchianBreakout
from peak_trade.strategies.grid import Grid
from peak_trade.strategies.market_making import MarketMaker
from peak_trade.strategies.mean_reversion import BollingerReversion, RsiReversion
from peak_trade.strategies.momentum import CrossSectionalMomentum, TimeSeriesMomentum
from peak_trade.strategies.trend import EmaCross, Macd, MaCross

__all__ = [
    "BollingerReversion",
    "CrossSectionalMomentum",
    "DonchianBreakout",
    "EmaCross",
    "Grid",
    "MaCross",
    "Macd",
    "MarketMaker",
    "RsiReversion",
    "TimeSeriesMomentum",
]
