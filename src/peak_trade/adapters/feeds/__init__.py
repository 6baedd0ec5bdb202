"""Live feeds over the venues' WebSockets, reached by the entry points ``peak_trade.feeds``."""
