"""A command line that works for every command; shown by its help and run by the tests."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "data list": ("peak data list",),
    "data check": (
        "peak data check builtin:nasdaq",
        "peak data check builtin:sp500 --strict",
        "peak data check builtin:sp500 --repair mended.csv",
    ),
    "strategies": ("peak strategies", "peak strategies ma_cross"),
    "backtest": (
        "peak backtest ma_cross --data builtin:sp500 --set fast=20 --set slow=100",
        "peak backtest ma_cross --data builtin:sp500 --from 2010-01-01 --json",
        "peak backtest ma_cross --data builtin:sp500 --report out.html",
        "peak backtest ma_cross --data builtin:sp500 --trailing 0.1 --max-bars 250",
    ),
    "sweep": ("peak sweep ma_cross --data builtin:sp500 --grid fast=5:50:5 --grid slow=100",),
    "compare": ("peak compare ma_cross,slow=200 rsi_reversion --data builtin:sp500",),
    "causality": ("peak causality ma_cross --data builtin:sp500 --every 250",),
    "runs list": ("peak runs list --strategy ma_cross --limit 5",),
    "runs show": ("peak runs show last",),
    "runs compare": ("peak runs compare last~1 last",),
    "reproduce": ("peak reproduce last",),
    "config show": ("peak config show",),
    "config explain": ("peak config explain backtest.cash",),
    "config check": ("peak config check peak.toml",),
    "doctor": ("peak doctor",),
}


def help_of(command: str, summary: str) -> str:
    """Write the help of a command: what it does, and its examples, line by line."""
    lines = "\n".join(f"  {line}" for line in EXAMPLES[command])
    return f"{summary}\n\n\b\nExample:\n{lines}\n"
