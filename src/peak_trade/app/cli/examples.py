"""A command line that works for every command; shown by its help and run by the tests."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "data list": ("peak data list",),
    "data check": (
        "peak data check builtin:nasdaq",
        "peak data check builtin:sp500 --strict",
        "peak data check builtin:sp500 --repair mended.csv",
    ),
    "data sources": ("peak data sources", "peak data sources kraken"),
    "strategies": ("peak strategies", "peak strategies ma_cross"),
    "features list": ("peak features list", "peak features list --group volatility"),
    "features compute": (
        "peak features compute rsi --data builtin:sp500 --rows 5",
        "peak features compute yang_zhang --data builtin:sp500 --out volatility.csv",
    ),
    "features show": ("peak features show rsi", "peak features show macro --json"),
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
    "simulate-venue": (
        "peak simulate-venue kraken --port 0 --data builtin:sp500 --seconds 0.5",
        "peak simulate-venue binance --port 0 --faults drop=0.01 --seconds 0.5",
    ),
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

AT_A_VENUE: dict[str, tuple[str, ...]] = {
    "data fetch": (
        "peak data fetch binance BTC/USDT 1h --since 2020-01-01",
        "peak data fetch kraken BTC/USD,ETH/USD 1h",
        "peak data fetch kraken BTC/USD 1m --since 2026-01-01 --from-trades",
        "peak data fetch binance BTC/USDT:USDT --kind funding --since 2024-01-01",
        "peak data fetch kraken --kind instruments",
    ),
    "data stream": (
        "peak data stream kraken BTC/USD,ETH/USD 1m --seconds 60",
        "peak data stream binance BTC/USDT 1m --save --json",
        "peak data stream kraken BTC/USD 1m --base-url ws://127.0.0.1:8900",
    ),
}
"""The same for commands that ask a venue; tests run such lines against a server of their own."""

OF_A_STORE: dict[str, tuple[str, ...]] = {
    "data import": (
        "peak data import btc_1m.csv --as kraken:BTC/USD --interval 1m",
        "peak data import btc_trades.csv --as kraken:BTC/USD --kind trades",
        "peak data import stocks.parquet --as us:* --interval 1d --repair",
        "peak data import XBTUSD_60.csv --as kraken:BTC/USD --layout kraken-ohlcvt",
        "peak data import cpi.csv --as fred:CPI --kind series --known-after 14d",
    ),
    "data show": (
        "peak data show kraken:BTC/USD 1m",
        "peak data show kraken:BTC/USD --kind trades --rows 10",
    ),
    "data versions": ("peak data versions kraken:BTC/USD 1m",),
    "data quality": (
        "peak data quality",
        "peak data quality kraken --interval 1m --html page.html",
    ),
    "data repair": (
        "peak data repair kraken:BTC/USD 1m --fill",
        "peak data repair kraken:BTC/USD 1m --fill --write",
        "peak data repair btc_1m.csv --to mended.csv",
    ),
    "data gaps": (
        "peak data gaps kraken:BTC/USD 1m",
        "peak data gaps us:AAA 1d --calendar XNYS",
    ),
    "data diff": (
        "peak data diff kraken:BTC/USD 1m",
        "peak data diff kraken:BTC/USD 1m --old 1 --new 2",
    ),
    "data compact": ("peak data compact", "peak data compact kraken:BTC/USD 1m"),
    "data expire": ("peak data expire --keep-versions 100 --keep-days 365",),
    "features materialize": (
        "peak features materialize rsi yang_zhang --data kraken:BTC/USD --interval 1m",
    ),
    "data export": (
        "peak data export kraken:BTC/USD 1m --out btc.csv",
        "peak data export kraken:BTC/USD 1m --out btc.parquet --data-version 1",
    ),
}
"""The same for commands over stored series; a test writes such files and imports them first."""


def help_of(command: str, summary: str) -> str:
    """Write the help of a command: what it does, and its examples, line by line."""
    lines = "\n".join(f"  {line}" for line in _lines(command))
    return f"{summary}\n\n\b\nExample:\n{lines}\n"


def _lines(command: str) -> tuple[str, ...]:
    for lines in (EXAMPLES, IN_TURN, AT_A_VENUE, OF_A_STORE):
        if command in lines:
            return lines[command]
    raise KeyError(command)
