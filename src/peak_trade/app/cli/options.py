"""The options that several commands share, and the configuration key that each of them sets."""

from pathlib import Path
from typing import Annotated, Literal

import typer

DATA, ACCOUNT, OUTPUT = "Data", "Account", "Output"

KEYS = {
    "cash": "backtest.cash",
    "commission": "backtest.commission",
    "slippage": "backtest.slippage",
    "cash_buffer": "backtest.cash_buffer",
    "min_change": "backtest.min_change",
    "shortfall": "backtest.shortfall",
    "engine": "backtest.engine",
    "stop_loss": "backtest.stop_loss",
    "take_profit": "backtest.take_profit",
    "reentry": "backtest.reentry",
    "timezone": "data.timezone",
    "stamp": "data.stamp",
    "interval": "data.interval",
    "calendar": "data.calendar",
    "lot": "data.lot",
    "tick": "data.tick",
    "threads": "sweep.threads",
    "sort": "sweep.sort",
    "top": "sweep.top",
}
"""Parameter of a command to configuration key."""

Strategy = Annotated[
    str, typer.Argument(metavar="STRATEGY", help="A registered name, or FILE.py:CLASS.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of the strategy, or with a dot a configuration key. Repeatable.",
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A configuration file over those of the folder.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]

Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="SOURCE",
        help="builtin:NAME (see peak data list) or file:PATH (CSV or Parquet).",
        rich_help_panel=DATA,
    ),
]
Symbol = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SYMBOL", help="Keep this instrument alone. Repeatable.", rich_help_panel=DATA
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="ROLE=NAME,...",
        help="Which columns hold what, such as time=ts,close=px.",
        rich_help_panel=DATA,
    ),
]
Interval = Annotated[
    str | None,
    typer.Option(help="Length of a bar: 1m, 15m, 1h, 1d, ...", rich_help_panel=DATA),
]
Stamp = Annotated[
    Literal["open", "close"] | None,
    typer.Option(help="What the stamps of a file mark.", rich_help_panel=DATA),
]
Timezone = Annotated[
    str | None, typer.Option(help="Time zone of stamps without one.", rich_help_panel=DATA)
]
Calendar = Annotated[str | None, typer.Option(help="24/7, 24/5 or XNYS.", rich_help_panel=DATA)]
Lot = Annotated[
    float | None, typer.Option(help="Accounting unit of a position.", rich_help_panel=DATA)
]
Tick = Annotated[float | None, typer.Option(help="Price step of orders.", rich_help_panel=DATA)]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DATE",
        help="First bar that trades; earlier ones feed indicators.",
        rich_help_panel=DATA,
    ),
]
End = Annotated[
    str | None,
    typer.Option("--to", metavar="DATE", help="Last bar that trades.", rich_help_panel=DATA),
]

Cash = Annotated[float | None, typer.Option(help="Starting cash.", rich_help_panel=ACCOUNT)]
Commission = Annotated[
    float | None, typer.Option(help="Basis points of every fill.", rich_help_panel=ACCOUNT)
]
Slippage = Annotated[
    float | None,
    typer.Option(help="Basis points of market and stop fills.", rich_help_panel=ACCOUNT),
]
CashBuffer = Annotated[
    float | None, typer.Option(help="Fraction of equity left out.", rich_help_panel=ACCOUNT)
]
MinChange = Annotated[
    float | None,
    typer.Option(help="Smallest change of a target that trades.", rich_help_panel=ACCOUNT),
]
Shortfall = Annotated[
    Literal["scale", "reject"] | None,
    typer.Option(help="What happens where cash is short.", rich_help_panel=ACCOUNT),
]
StopLoss = Annotated[
    float | None, typer.Option(help="Fraction of the entry price.", rich_help_panel=ACCOUNT)
]
TakeProfit = Annotated[
    float | None, typer.Option(help="Fraction of the entry price.", rich_help_panel=ACCOUNT)
]
Reentry = Annotated[
    Literal["zero", "stated"] | None,
    typer.Option(help="When to enter again after an exit.", rich_help_panel=ACCOUNT),
]

Report = Annotated[Path | None, typer.Option(help="Write an HTML report.", rich_help_panel=OUTPUT)]
