"""The settings of Peak Trade: every key, its default, its range and what it means."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    SecretStr,
)

from peak_trade.app.operators import operators_of
from peak_trade.app.values import Expected, names_of, number_or_name, pairs_of
from peak_trade.domain.calendar import Interval, calendar_named
from peak_trade.domain.errors import PeakTradeError
from peak_trade.risk.operators import Operator

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


def _known_sizers(texts: tuple[str, ...]) -> tuple[str, ...]:
    if texts:
        from peak_trade.app.terms import sizer_of

        try:
            sizer_of(texts)
        except PeakTradeError as error:
            raise ValueError(str(error)) from error
    return texts


def _known_limits(table: dict[str, object] | None) -> dict[str, object] | None:
    if table is not None:
        from peak_trade.risk.limit_tables import limits_of

        try:
            limits_of(table, "the table")
        except PeakTradeError as error:
            raise ValueError(str(error)) from error
    return table


def _known_policy(table: dict[str, object] | None) -> dict[str, object] | None:
    if table is not None:
        from peak_trade.risk.limit_tables import policy_of

        try:
            policy_of(table, "live", "the table")
        except PeakTradeError as error:
            raise ValueError(str(error)) from error
    return table


def _shipped(name: str) -> Mapping[str, float | bool]:
    """Defaults that come with the package as a file, which a folder's own may copy and tighten."""
    text = (Path(__file__).with_name("defaults") / name).read_text(encoding="utf-8")
    return tomllib.loads(text)


_LIMITS = _shipped("risk/backtest.toml")

Pairs = Annotated[
    tuple[tuple[float, float], ...],
    BeforeValidator(pairs_of),
    Expected("pairs such as [[0, 0.1], [60, 0.02]], or the text 0:0.1,60:0.02"),
]
Spread = Annotated[
    float | str,
    BeforeValidator(number_or_name),
    Expected("a number of at least 0, or the name of a feature of the bars"),
]
Sizers = Annotated[
    tuple[str, ...],
    BeforeValidator(names_of),
    AfterValidator(_known_sizers),
    Expected('texts such as ["volatility,target=0.1", "drawdown,limit=0.2"]'),
]
RiskTable = Annotated[
    dict[str, object] | None,
    AfterValidator(_known_limits),
    Expected("tables account and portfolio with every limit, and strategy and symbol"),
]
PolicyTable = Annotated[
    dict[str, object] | None,
    AfterValidator(_known_policy),
    Expected("strategies, restricted, hours, promotion and max_notional"),
]


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
    currency: str | None = Field(
        default=None,
        min_length=1,
        description="The account's currency; unset: the one that all instruments are quoted in.",
    )


class CostsSection(Section):
    """What trading costs besides a commission and a fraction of slippage."""

    fees: str | None = Field(
        default=None,
        min_length=1,
        description="Fee schedule instead of a commission: a venue (binance, kraken, us_equities) "
        "or a TOML file; unset: none.",
    )
    half_spread: Spread = Field(
        default=0.0,
        description="Half the bid-ask spread, in quote currency, that market and stop fills pay.",
    )
    volume_share: float = Field(
        default=0.0,
        ge=0,
        description="Price impact: this factor times the square of a fill's share of its bar's "
        "volume.",
    )
    impact: float = Field(
        default=0.0,
        ge=0,
        description="Price impact: this factor times volatility times the root of a fill's share "
        "of the mean volume.",
    )
    impact_window: int = Field(
        default=20, ge=3, description="Bars that volatility and mean volume are taken over."
    )
    borrow: float = Field(
        default=0.0, ge=0, description="Yearly rate paid on the value of shorts, a fraction."
    )
    interest: float = Field(
        default=0.0, ge=0, description="Yearly rate earned on free cash, a fraction."
    )


class ExitsSection(Section):
    """When positions are closed, besides a stop-loss and a take-profit."""

    trailing: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Trailing stop: this fraction from the best price since the entry; unset: none.",
    )
    trailing_arm: float | None = Field(
        default=None,
        gt=0,
        description="Gain of the best price from which on the stop trails; unset: at once.",
    )
    trailing_offset: float | None = Field(
        default=None,
        gt=0,
        description="Gain of the best price from which on trailing_after is the distance.",
    )
    trailing_after: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Distance of the trailing stop beyond trailing_offset.",
    )
    break_even: float | None = Field(
        default=None,
        gt=0,
        description="Gain of the best price that moves the stop to the entry price; unset: none.",
    )
    max_bars: int | None = Field(
        default=None, ge=1, description="Time stop: bars that a position is held; unset: no end."
    )
    roi: Pairs = Field(
        default=(),
        description="Minutes since the entry, and the gain that closes the position from then on.",
    )
    stop_atr: float | None = Field(
        default=None, gt=0, description="Stop-loss as a multiple of the average true range."
    )
    take_atr: float | None = Field(
        default=None, gt=0, description="Take-profit as a multiple of the average true range."
    )
    trailing_atr: float | None = Field(
        default=None, gt=0, description="Trailing stop as a multiple of the average true range."
    )
    atr_window: int = Field(default=14, ge=1, description="Bars of the average true range.")
    partials: Pairs = Field(
        default=(), description="Gains, and the share of the position that is sold at each."
    )
    convention: Literal["adverse", "favourable", "freqtrade"] = Field(
        default="adverse",
        description="What came first inside a bar that reaches several levels: the worse, "
        "the better, or what freqtrade assumes.",
    )


class MatchingSection(Section):
    """How the orders of order strategies are matched at the simulated venue."""

    latency_ms: float = Field(
        default=0.0, ge=0, description="Milliseconds that an order or a cancel is on its way."
    )
    touch: bool = Field(
        default=False,
        description="Whether a bar that only touches a resting limit fills it; else it must trade a "
        "tick through.",
    )
    max_fill_share: float = Field(
        default=1e9,
        gt=0,
        description="Share of a bar's volume that orders may be filled for in it; from 1e9 on: any.",
    )


class MarginSection(Section):
    """A margin account; without a largest leverage there is none."""

    max_leverage: float | None = Field(
        default=None,
        ge=1,
        description="Largest gross exposure over equity; unset: no margin model, cash is not lent.",
    )
    maintenance: float = Field(
        default=0.25,
        gt=0,
        lt=1,
        description="Equity below this fraction of gross exposure is liquidated.",
    )
    rate: float = Field(default=0.0, ge=0, description="Yearly rate paid on borrowed cash.")
    liquidation_fee: float = Field(
        default=0.0, ge=0, lt=1, description="Fee on the value of a liquidation, a fraction."
    )


class SizingSection(Section):
    """How large positions are made, and when they are looked at again."""

    rebalance: Literal["change", "band", "bar", "day", "week", "month", "quarter", "year"] = Field(
        default="change",
        description="When a target that stands is looked at again: when it changes, outside a "
        "band, at every bar, or on a period's first bar.",
    )
    band: float | None = Field(
        default=None,
        gt=0,
        lt=2,
        description="Half width of the band around a target, as a fraction of equity.",
    )
    sizer: Sizers = Field(
        default=(),
        description="What scales targets: atr_risk, drawdown, fixed_fraction, kelly or volatility, "
        "with its parameters; several multiply.",
    )


class LimitsSection(Section):
    """What the account of a backtest may hold and lose; wide by default."""

    max_position: float = Field(
        default=_LIMITS["max_position"],
        gt=0,
        description="Largest position of one instrument, as a fraction of equity.",
    )
    max_gross: float = Field(
        default=_LIMITS["max_gross"],
        gt=0,
        description="Largest sum of absolute positions, as a fraction of equity.",
    )
    max_net: float = Field(
        default=_LIMITS["max_net"],
        gt=0,
        description="Largest absolute sum of positions, as a fraction of equity.",
    )
    max_order: float = Field(
        default=_LIMITS["max_order"],
        gt=0,
        description="Largest value of one order, in quote currency.",
    )
    max_participation: float = Field(
        default=_LIMITS["max_participation"],
        gt=0,
        description="Largest order as a fraction of the last bar's volume; from 1e9 on: any.",
    )
    max_daily_loss: float = Field(
        default=_LIMITS["max_daily_loss"],
        gt=0,
        description="Loss of a day, as a fraction of equity, that halts trading; from 1 on: none.",
    )
    max_drawdown: float = Field(
        default=_LIMITS["max_drawdown"],
        gt=0,
        description="Drawdown that halts trading, a fraction; from 1 on: none.",
    )
    flatten: bool = Field(
        default=bool(_LIMITS["flatten"]), description="Whether a halt closes the positions."
    )


class RiskSection(Section):
    """The rules of risk, by where they hold."""

    backtest: LimitsSection = LimitsSection()
    paper: RiskTable = Field(
        default=None,
        description="Every limit of paper trading, as a file of its own has them; unset: those that "
        "peak risk show paper shows.",
    )
    shadow: RiskTable = Field(
        default=None, description="Every limit of a shadow session; unset: those of paper trading."
    )
    testnet: RiskTable = Field(
        default=None, description="Every limit on a testnet; unset: nothing may trade there."
    )
    live: RiskTable = Field(
        default=None, description="Every limit of live trading; unset: nothing may trade."
    )


class PoliciesSection(Section):
    """What the house allows, by environment."""

    paper: PolicyTable = Field(
        default=None, description="What paper trading is allowed; unset: everything."
    )
    shadow: PolicyTable = Field(
        default=None, description="What a shadow session is allowed; unset: everything."
    )
    testnet: PolicyTable = Field(
        default=None, description="What is allowed on a testnet; unset: nothing may trade there."
    )
    live: PolicyTable = Field(
        default=None, description="What is allowed in live trading; unset: nothing may trade."
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
        default=None,
        description="Trading calendar, 24/7, 24/5 or XNYS, XLON, ...; unset: the source's own.",
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
    store: str | None = Field(
        default=None,
        min_length=1,
        description="Where market data is stored: a folder, or the URL of an object store such as "
        "s3://bucket/folder; unset: a folder in the user's data directory.",
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


class JournalSection(Section):
    """Where runs are recorded."""

    url: SecretStr | None = Field(
        default=None,
        description="Database, such as sqlite:///runs.sqlite or postgresql://user@host/name; "
        "unset: a file in the user's data directory.",
    )
    record: bool = Field(
        default=True, description="Whether peak backtest and peak sweep record their runs."
    )


class StateSection(Section):
    """Where sessions keep what must outlive them besides the journal: kill switch, anchors, locks."""

    dir: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of kill switch, anchors and locks, shared by every session that a kill "
        "is to stop; unset: a folder in the user's data directory.",
    )


class KillSection(Section):
    """What trips the kill switch besides people and losses, and how long a recovery takes."""

    cooldown_s: float = Field(
        default=300.0,
        ge=0,
        description="Seconds between the request of a recovery and its completion.",
    )
    rejects: int = Field(
        default=5, ge=1, description="Orders rejected in a row by a venue that kill the account."
    )
    unknown_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds that an order may be UNKNOWN before its account is killed.",
    )


class OperatorsSection(Section):
    """Who may recover from a kill, and how they show who they are (config/operators.toml)."""

    operator: Annotated[
        tuple[InstanceOf[Operator], ...],
        BeforeValidator(operators_of),
        Expected("tables [[operator]] with name, role, totp and perhaps password"),
    ] = Field(
        default=(), repr=False, description="The operators; peak kill operator add makes one."
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
    costs: CostsSection = CostsSection()
    exits: ExitsSection = ExitsSection()
    margin: MarginSection = MarginSection()
    matching: MatchingSection = MatchingSection()
    sizing: SizingSection = SizingSection()
    risk: RiskSection = RiskSection()
    live_policies: PoliciesSection = PoliciesSection()
    data: DataSection = DataSection()
    sweep: SweepSection = SweepSection()
    report: ReportSection = ReportSection()
    journal: JournalSection = JournalSection()
    state: StateSection = StateSection()
    kill: KillSection = KillSection()
    operators: OperatorsSection = OperatorsSection()
    flags: FlagsSection = FlagsSection()
    logging: LoggingSection = LoggingSection()
