"""Signal definitions, one family a file."""

from peak_trade.strategies.mean_reversion import RsiReversion
from peak_trade.strategies.momentum import CrossSectionalMomentum
from peak_trade.strategies.trend import EmaCross, MaCross

__all__ = ["CrossSectionalMomentum", "EmaCross", "MaCross", "RsiReversion"]
