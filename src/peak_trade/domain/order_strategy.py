"""What targets cannot say: a strategy that is handed events and a view, and asks for orders."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, dataclass_transform

from peak_trade.domain.errors import StrategyError
from peak_trade.domain.instrument import Instrument
from peak_trade.domain.ledger import Fill
from peak_trade.domain.order import Order, OrderKind, OrderState, TimeInForce
from peak_trade.domain.strategy import check_parameters, declared, param

if TYPE_CHECKING:
    from peak_trade.domain.compiled import CompiledStrategy


class Bar:
    """One closed bar of one instrument. It is used again for the next one: read it, do not keep it.

    ``row`` counts from the run's anchor, ``time_ns`` is the close (UTC nanoseconds), ``instrument`` the
    column, prices are in quote currency, ``volume`` in units of the instrument.
    """

    __slots__ = ("close", "high", "instrument", "low", "open", "row", "time_ns", "volume")

    row: int
    time_ns: int
    instrument: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class Request:
    """An order that a strategy asks for.

    Parameters
    ----------
    lots : int
        Signed quantity in lots; positive buys.
    instrument : int
        Column of the instrument.
    kind : OrderKind
        How it meets the market.
    price : float, optional
        Limit price of a limit order, trigger of a stop, stop-limit or take-profit, on the instrument's
        tick (``view.on_tick`` rounds); None for market orders.
    limit : float, optional
        Limit price of a stop-limit once it is triggered.
    trail : float, optional
        Distance of a trailing stop from the best price, quote currency.
    time_in_force : TimeInForce
        How long it works.
    expires_ns : int
        When a GTD order ends, UTC nanoseconds.
    post_only, reduce_only : bool
        It may not trade at once; it may only bring a position closer to flat.
    stop_loss, take_profit : float, optional
        Prices of a bracket: once the order fills, a stop and a limit order rest for what it filled, one
        cancelling the other.
    tag : str
        The strategy's own name of it, given back with its events; orders of one tag can be cancelled.
    group : str
        Requests of one group, handed in together, cancel one another (OCO).
    """

    lots: int
    instrument: int = 0
    kind: OrderKind = OrderKind.MARKET
    price: float | None = None
    limit: float | None = None
    trail: float | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_ns: int = 0
    post_only: bool = False
    reduce_only: bool = False
    stop_loss: float | None = None
    take_profit: float | None = None
    tag: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """A wish to cancel: every open order of a ``tag``; all of the strategy's where it is empty."""

    tag: str = ""
    instrument: int = 0


Asked = Request | Cancel


class View(Protocol):
    """What an order strategy may look at: its account, as it is now."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """What is traded, in the order of the columns."""
        ...

    @property
    def cash(self) -> float:
        """Cash in the account's currency."""
        ...

    @property
    def equity(self) -> float:
        """Cash plus positions at the last closes, account's currency."""
        ...

    def lots(self, instrument: int = 0) -> int:
        """Signed position in lots."""
        ...

    def orders(self, tag: str = "") -> Sequence[Order]:
        """Open orders of a tag; all where it is empty."""
        ...

    def on_tick(self, price: float, instrument: int = 0) -> float:
        """The price on the instrument's tick that is nearest to ``price``."""
        ...


@dataclass_transform(kw_only_default=True, field_specifiers=(param, field))
class OrderStrategy:
    """Base of strategies that ask for orders; subclasses become dataclasses with typed parameters.

    A run works on a fresh copy: what ``on_start`` and the events set on ``self`` ends with the run.
    What is asked for after event k may depend on events up to k alone.

    Examples
    --------
    >>> class BuyEvery(OrderStrategy):
    ...     '''Buy one lot every so many bars.'''
    ...
    ...     bars: int = param(default=10, low=1, doc="bars between purchases")
    ...
    ...     def on_bar(self, bar, view):
    ...         return [Request(1)] if bar.row % self.bars == 0 else ()
    >>> BuyEvery(bars=5)
    BuyEvery(bars=5)
    """

    source: ClassVar[str] = ""
    """Where the idea was published."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(kw_only=True, eq=False)(cls)

    def __post_init__(self) -> None:
        check_parameters(self)
        self.check()

    def check(self) -> None:
        """Raise ParameterError where parameters do not go together."""

    def fresh(self) -> Self:
        """A copy with the same parameters and nothing else."""
        return type(self)(**{item.name: getattr(self, item.name) for item in declared(type(self))})

    def compiled(self, instrument: Instrument) -> "CompiledStrategy | None":
        """The same decisions as one compiled function of numbers; None where there is none."""
        return None

    def on_start(self, view: View) -> None:
        """Before the first event: set what the strategy remembers."""

    def on_bar(self, bar: Bar, view: View) -> Iterable[Asked]:
        """After a bar has closed: what to order or cancel."""
        raise StrategyError(
            f"{type(self).__name__} does not define on_bar(bar, view)",
            hint="return requests, or an empty tuple",
        )

    def on_fill(self, fill: Fill, tag: str, view: View) -> Iterable[Asked]:
        """After one of its orders has traded."""
        return ()

    def on_end(self, order: Order, state: OrderState, tag: str, view: View) -> Iterable[Asked]:
        """After one of its orders has ended otherwise: cancelled, expired, rejected or denied."""
        return ()
