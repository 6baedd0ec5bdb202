"""The settings of Peak Trade: every key, its default, its range and what it means."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from peak_trade.domain.calendar import Interval, calendar_named
from peak_trade.domain.errors import PeakTradeError

Measure = Literal[
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "trades",
    "win_rate",
    "fees",
    "exposure",
    "turnover",
]


def _known_timezone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            "it is not a time zone of the IANA database, such as UTC or Europe/Berlin"
        ) from error
    return name


def _known_calendar(name: str) -> str:
    try:
        return calendar_named(name).name
    except PeakTradeError as error:
        raise ValueError(str(error)) from error


def _known_interval(text: str) -> str:
    try:
        return str(Interval.parse(text))
    except PeakTradeError as error:
        raise ValueError(str(error)) from error


class Section(BaseModel):
    """A frozen group of settings; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BacktestSection(Section):
    """The account of a backtest or a sweep, and how its orders are filled."""

    cash: float = Field(default=100_000.0, gt=0, description="Starting cash in quote currency.")
    commission: float = Field(
        default=0.0, ge=0, lt=10_000, description="Fee on the value of every fill, in basis points."
    )
    slippage: float = Field(
        default=0.0,
        ge=0,
        lt=10_000,
        description="How far market and stop fills are worse than their price, in basis points.",
    )
    cash_buffer: float = Field(
        default=0.0, ge=0, lt=1, description="Fraction of equity that sizing leaves out."
    )
    min_change: float | None = Field(
        default=None,
        ge=0,
        lt=2,
        description="Smallest change of a target that is traded, as a fraction of equity; "
        "unset: one order step.",
    )
    shortfall: Literal["scale", "reject"] = Field(
        default="scale", description="What happens to increases that cash does not pay in full."
    )
    engine: Literal["auto", "fast", "session"] = Field(
        default="auto",
        description="auto takes the fast path where it can and says why where it cannot.",
    )
    stop_loss: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Exit when the price moves this fraction against the entry; unset: none.",
    )
    take_profit: float | None = Field(
        default=None,
        gt=0,
        description="Exit when the price gains this fraction on the entry; unset: none.",
    )
    reentry: Literal["zero", "stated"] = Field(
        default="zero",
        description="After an exit: flat until the target passes through zero, "
        "or until a row states a nonzero target again.",
    )


class DataSection(Section):
    """How files are read (built-in data are known already), and what orders step by."""

    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(
        default="UTC", description="Time zone of stamps that carry none (IANA name)."
    )
    stamp: Literal["open", "close"] = Field(
        default="open", description="Whether a file's stamps are the open or the close of its bars."
    )
    interval: Annotated[str, AfterValidator(_known_interval)] | None = Field(
        default=None,
        description="Length of a bar, such as 1m, 1h or 1d; unset: found from the stamps.",
    )
    calendar: Annotated[str, AfterValidator(_known_calendar)] | None = Field(
        default=None, description="Trading calendar, 24/7, 24/5 or XNYS; unset: the source's own."
    )
    lot: float = Field(
        default=0.0001,
        gt=0,
        description="Accounting unit of a position, in units of the instrument.",
    )
    tick: float | None = Field(
        default=None,
        gt=0,
        description="Price step of orders, in quote currency; unset: found from the prices.",
    )


class SweepSection(Section):
    """How a sweep runs, and how its rows are shown."""

    threads: int = Field(
        default=0, ge=0, le=1024, description="Threads of a sweep; 0: one a processor."
    )
    sort: Measure = Field(
        default="sharpe", description="The measure that ranks the rows, best first."
    )
    top: int = Field(default=20, ge=1, le=1_000_000, description="Rows that are shown.")


class ReportSection(Section):
    """Where reports go."""

    folder: str = Field(
        default=".", min_length=1, description="Folder of reports whose path is not absolute."
    )


class FlagsSection(Section):
    """Features that can be switched off."""

    show_progress: bool = Field(
        default=True, description="Show progress of long work where standard error is a terminal."
    )


class LoggingSection(Section):
    """What is logged, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="Least severe level that is logged."
    )


class Settings(Section):
    """All settings, validated and frozen.

    Examples
    --------
    >>> Settings().backtest.cash
    100000.0
    """

    backtest: BacktestSection = BacktestSection()
    data: DataSection = DataSection()
    sweep: SweepSection = SweepSection()
    report: ReportSection = ReportSection()
    flags: FlagsSection = FlagsSection()
    logging: LoggingSection = LoggingSection()
