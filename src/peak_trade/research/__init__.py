"""Many sessions become knowledge: backtests, sweeps, causality."""
