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
    "run": (
        "peak run --mode paper --strategy ma_cross --data builtin:sp500 --speed max",
        "peak run -s ma_cross,fast=20 -s macd --data builtin:sp500 --no-report",
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
    "risk show": ("peak risk show paper", "peak risk show live --example"),
    "risk limits": ("peak risk limits",),
    "risk check": ("peak risk check --example", "peak risk check order.json"),
    "risk explain": ("peak risk explain max_order",),
    "doctor": ("peak doctor",),
    "sessions": ("peak sessions",),
    "sessions list": ("peak sessions list --strategy ma_cross --limit 5",),
    "journal verify": ("peak journal verify",),
    "kill trip": (
        "peak kill trip --reason drill --state drill",
        "peak kill trip --reason feed --scope symbol:BTC-USD --state drill",
    ),
    "kill status": ("peak kill status",),
    "kill history": ("peak kill history --limit 5",),
    "kill operator add": ("peak kill operator add anna --role operator",),
    "kill operator list": ("peak kill operator list",),
    "watchdog": ("peak watchdog --for 0.5 --state drill",),
}

IN_TURN: dict[str, tuple[str, ...]] = {
    "sessions show": ("peak sessions show last",),
    "sessions stop": ("peak sessions stop last --how flatten",),
    "sessions resume": ("peak sessions resume last",),
    "orders": ("peak orders --state denied", "peak orders --session last~1 --json"),
    "fills": ("peak fills --symbol SP500 --limit 5",),
    "positions": ("peak positions",),
    "ledger": ("peak ledger --kind fill",),
    "journal tail": ("peak journal tail last -n 5", "peak journal tail last --follow --kind fill"),
    "journal export": ("peak journal export last session.jsonl",),
    "journal replay": ("peak journal replay last",),
    "kill approval-code": ("peak kill approval-code --operator rita --otp 1",),
    "kill request-recovery": (
        "peak kill request-recovery --code C --cause TEXT --operator anna --otp 1",
    ),
    "kill complete-recovery": ("peak kill complete-recovery --operator rita --otp 1",),
    "kill reset-peak": (
        "peak kill reset-peak --account main --reason deposit --operator rita --otp 1",
    ),
}
"""The same for commands that need what came before them; a test takes them in their turn."""


def help_of(command: str, summary: str) -> str:
    """Write the help of a command: what it does, and its examples, line by line."""
    lines = "\n".join(f"  {line}" for line in EXAMPLES.get(command) or IN_TURN[command])
    return f"{summary}\n\n\b\nExample:\n{lines}\n"
