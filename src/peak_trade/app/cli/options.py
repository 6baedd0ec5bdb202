"""The options that several commands share, and the configuration key that each of them sets."""

from pathlib import Path
from typing import Annotated, Literal

import typer

DATA, ACCOUNT, OUTPUT = "Data", "Account", "Output"
COSTS, EXITS, RISK, SIZING = "Costs", "Exits", "Limits and margin", "Sizing"

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
        help="VENUE:SYMBOL of the store, builtin:NAME (see peak data list), or file:PATH.",
        rich_help_panel=DATA,
    ),
]
DataVersion = Annotated[
    int | None,
    typer.Option(
        "--data-version",
        metavar="N",
        min=1,
        help="Version of a stored series (see peak data versions); the newest where left out.",
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
Calendar = Annotated[
    str | None, typer.Option(help="24/7, 24/5 or XNYS, XLON, ...", rich_help_panel=DATA)
]
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

Actions = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Dividends, splits, delistings and funding rates: a file, or VENUE:SYMBOL of the store.",
        rich_help_panel=DATA,
    ),
]
Signals = Annotated[
    Literal["split", "total_return"] | None,
    typer.Option(
        help="With --actions: the strategy reads prices adjusted by them; orders fill on raw ones.",
        rich_help_panel=DATA,
    ),
]
Detail = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Finer bars, by which exits inside a bar are decided.",
        rich_help_panel=DATA,
    ),
]
DetailInterval = Annotated[
    str | None,
    typer.Option(
        "--detail-interval",
        metavar="LENGTH",
        help="Of stored finer bars the length of one, where there are several.",
        rich_help_panel=DATA,
    ),
]

Cash = Annotated[float | None, typer.Option(help="Starting cash.", rich_help_panel=ACCOUNT)]
Currency = Annotated[
    str | None, typer.Option(help="The account's currency.", rich_help_panel=ACCOUNT)
]
Shortfall = Annotated[
    Literal["scale", "reject"] | None,
    typer.Option(help="What happens where cash is short.", rich_help_panel=ACCOUNT),
]

Commission = Annotated[
    float | None, typer.Option(help="Basis points of every fill.", rich_help_panel=COSTS)
]
Slippage = Annotated[
    float | None,
    typer.Option(help="Basis points of market and stop fills.", rich_help_panel=COSTS),
]
Fees = Annotated[
    str | None,
    typer.Option(
        metavar="VENUE",
        help="A venue's fee schedule (binance, kraken, us_equities) or a TOML file, instead of a "
        "commission.",
        rich_help_panel=COSTS,
    ),
]
Borrow = Annotated[
    float | None, typer.Option(help="Yearly rate on the value of shorts.", rich_help_panel=COSTS)
]

StopLoss = Annotated[
    float | None, typer.Option(help="Fraction of the entry price.", rich_help_panel=EXITS)
]
TakeProfit = Annotated[
    float | None, typer.Option(help="Fraction of the entry price.", rich_help_panel=EXITS)
]
Trailing = Annotated[
    float | None,
    typer.Option(help="Stop at this fraction from the best price.", rich_help_panel=EXITS),
]
TrailingArm = Annotated[
    float | None,
    typer.Option(help="Gain from which on the stop trails.", rich_help_panel=EXITS),
]
BreakEven = Annotated[
    float | None,
    typer.Option(help="Gain that moves the stop to the entry price.", rich_help_panel=EXITS),
]
MaxBars = Annotated[
    int | None, typer.Option(help="Bars that a position is held at most.", rich_help_panel=EXITS)
]
Roi = Annotated[
    str | None,
    typer.Option(
        metavar="MINUTES:GAIN,...",
        help="Gain that closes the position after so many minutes, such as 0:0.1,60:0.02.",
        rich_help_panel=EXITS,
    ),
]
Partials = Annotated[
    str | None,
    typer.Option(
        metavar="GAIN:SHARE,...",
        help="Share of the position sold at each gain, such as 0.05:0.5.",
        rich_help_panel=EXITS,
    ),
]
StopAtr = Annotated[
    float | None,
    typer.Option(help="Stop-loss in average true ranges.", rich_help_panel=EXITS),
]
TakeAtr = Annotated[
    float | None,
    typer.Option(help="Take-profit in average true ranges.", rich_help_panel=EXITS),
]
TrailingAtr = Annotated[
    float | None,
    typer.Option(help="Trailing stop in average true ranges.", rich_help_panel=EXITS),
]
Convention = Annotated[
    Literal["adverse", "favourable", "freqtrade"] | None,
    typer.Option(help="What came first inside a bar.", rich_help_panel=EXITS),
]
Reentry = Annotated[
    Literal["zero", "stated"] | None,
    typer.Option(help="When to enter again after an exit.", rich_help_panel=EXITS),
]

MaxDrawdown = Annotated[
    float | None, typer.Option(help="Drawdown that halts trading.", rich_help_panel=RISK)
]
MaxDailyLoss = Annotated[
    float | None, typer.Option(help="Loss of a day that halts trading.", rich_help_panel=RISK)
]
Leverage = Annotated[
    float | None,
    typer.Option(help="Margin account: largest gross exposure over equity.", rich_help_panel=RISK),
]

CashBuffer = Annotated[
    float | None, typer.Option(help="Fraction of equity left out.", rich_help_panel=SIZING)
]
MinChange = Annotated[
    float | None,
    typer.Option(help="Smallest change of a target that trades.", rich_help_panel=SIZING),
]
Rebalance = Annotated[
    Literal["change", "band", "bar", "day", "week", "month", "quarter", "year"] | None,
    typer.Option(help="When a standing target is looked at again.", rich_help_panel=SIZING),
]
Band = Annotated[
    float | None,
    typer.Option(help="Half width of the band, with --rebalance band.", rich_help_panel=SIZING),
]
Sizer = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME,PARAM=VALUE,...",
        help="What scales targets: atr_risk, drawdown, fixed_fraction, kelly or volatility, such "
        "as volatility,target=0.1. Repeatable; factors multiply.",
        rich_help_panel=SIZING,
    ),
]

Report = Annotated[Path | None, typer.Option(help="Write an HTML report.", rich_help_panel=OUTPUT)]
Tables = Annotated[
    bool,
    typer.Option(
        "--tables",
        help="Write the report's numbers beside it, as .json and .parquet.",
        rich_help_panel=OUTPUT,
    ),
]
Open = Annotated[
    bool, typer.Option("--open", help="Show the report in the browser.", rich_help_panel=OUTPUT)
]

RECORD = "Record"
Record = Annotated[
    bool | None,
    typer.Option(
        "--record/--no-record", help="Keep the run (see peak runs).", rich_help_panel=RECORD
    ),
]
Label = Annotated[
    str, typer.Option(metavar="TEXT", help="A name to find the run by.", rich_help_panel=RECORD)
]
Tag = Annotated[
    list[str] | None,
    typer.Option(metavar="WORD", help="A word to find it by. Repeatable.", rich_help_panel=RECORD),
]


def check_words(label: str, tags: list[str] | None) -> None:
    """Refuse a label or a tag that cannot be kept, before the work that it is for."""
    if label or tags:
        from peak_trade.research.run import check_words as check

        check(label, tags or ())
