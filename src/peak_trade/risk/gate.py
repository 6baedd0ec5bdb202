"""The gate: every order of an account passes it, in every mode, by the same rules."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from peak_trade.domain.approval import Approvals, Approved, Breach, Refused
from peak_trade.domain.errors import JournalError
from peak_trade.domain.limits import Limits
from peak_trade.domain.order import Order, Reason
from peak_trade.kernels.accounting import value_of
from peak_trade.risk.book import Book, Proposal
from peak_trade.risk.case import Batch, Case, Setting, worst_price
from peak_trade.risk.exposure import LOSSES
from peak_trade.risk.kill_switch import KillGuard, MemoryKillSwitch
from peak_trade.risk.limits import InForce, RiskLimits, ScopedLimits
from peak_trade.risk.policy import Policy
from peak_trade.risk.rules import BACKTEST_RULES, PROMISE_RULES, RULES, RiskRule, Rule
from peak_trade.risk.schema import fault_of
from peak_trade.risk.throttle import Memory

_MOST_REMEMBERED = 10_000  # pairs of strategy and symbol whose limits are kept at hand
_ASKED = (Reason.TARGET, Reason.ORDER)


class Reserving(Protocol):
    """Where accounts that share a limit take their part of it, whole or not at all."""

    def reserve(
        self, key: str, owner: str, token: str, amount: float, limit: float
    ) -> float | None:
        """Take an amount for an order; None where the limit has no room for it."""
        ...

    def release(self, key: str, token: str) -> None:
        """Give back what was taken for an order."""
        ...

    def settle(self, key: str, owner: str, amount: float, *, tokens: Sequence[str] = ()) -> None:
        """Set what an owner holds, and give back what was taken for the orders named."""
        ...


class RiskGate:
    """Reviews orders: checks 1 to 19, every violated rule named, before anything is sent.

    Nothing opens it: there is no role and no parameter that passes an order which a rule refuses.

    Parameters
    ----------
    limits : ScopedLimits
        Every limit of the account, its strategies and symbols.
    kill : KillGuard
        The kill switch.
    environment, account : str
        Where orders go, and for whom: what kills and policies name.
    policy : Policy
        What the house allows.
    promotions : mapping of str to frozenset of str
        Promotions that each strategy holds.
    permit : callable, optional
        Given the time (UTC nanoseconds), says why nothing may be sent, or nothing: the session is not
        armed, its writer was replaced. Left out, nothing of the kind is asked.
    approvals : Approvals, optional
        Where approvals are issued; new ones where left out.
    reservations : Reserving, optional
        Where the exposure that accounts share is reserved; left out, the portfolio's limit holds for
        this account alone.
    rules : sequence of RiskRule
        Rules of one's own, asked after the others; they can only refuse.
    owner : str
        Who reserves; the account where left out.

    Attributes
    ----------
    approvals : Approvals
        What was approved and is still good.
    on_loss : callable, optional
        Told of a loss beyond its limit (17, 18) at the end of each review that found one: it is to
        trip the kill switch.

    Examples
    --------
    >>> from peak_trade.risk.rules import RULES
    >>> [rule.name for rule in RULES if rule.number == 11]
    ['max_quantity', 'max_order', 'max_participation', 'max_volume_share']
    """

    def __init__(
        self,
        limits: ScopedLimits,
        kill: KillGuard,
        *,
        environment: str,
        account: str,
        policy: Policy | None = None,
        promotions: Mapping[str, frozenset[str]] | None = None,
        permit: Callable[[int], str] | None = None,
        approvals: Approvals | None = None,
        reservations: Reserving | None = None,
        rules: Sequence[RiskRule] = (),
        owner: str = "",
    ) -> None:
        self.limits, self.kill = limits, kill
        self.environment, self.account = environment, account
        self.approvals = approvals or Approvals()
        self.on_loss: Callable[[Breach], None] | None = None
        self._setting = Setting(
            environment=environment,
            account=account,
            kill=kill,
            policy=policy or Policy(),
            promotions=promotions or {},
            memory=Memory(_longest_ns(limits)),
            permit=permit,
        )
        self._rules: tuple[Rule, ...] = RULES
        self._own = tuple(rules)
        self._in_force: dict[tuple[str, str], InForce] = {}
        self._reservations, self._owner = reservations, owner or account
        self._key = f"{environment}:{limits.portfolio.name}:gross"
        self._reserved: set[str] = set()

    @classmethod
    def for_backtest(cls, limits: Limits) -> "RiskGate":
        """The gate of a backtest: its limits, and that what says it only reduces does.

        Orders that close what is held, such as exits, are under no limit there.
        """
        account = ScopedLimits(RiskLimits.of_backtest(limits))
        gate = cls(account, MemoryKillSwitch(), environment="backtest", account="backtest")
        gate._setting.is_backtest = True
        gate._rules = PROMISE_RULES if limits.are_wide else BACKTEST_RULES
        return gate

    @property
    def skew_ns(self) -> int:
        """How far the venue's clock may be from ours, nanoseconds; 0 in a backtest."""
        if self._setting.is_backtest:
            return 0
        return math.ceil(self.limits.account.max_clock_skew_s * 1e9)

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that orders are measured by, in their order."""
        return (*(rule.name for rule in self._rules), *(f"own:{r.name}" for r in self._own))

    # --- reviewing -------------------------------------------------------------------------------

    def review(
        self, proposals: Sequence[Proposal], book: Book
    ) -> tuple[list[Approved], list[Refused]]:
        """Review orders that are asked for together.

        Each counts at its worst against those after it, let through or not. What is wrong with an
        order is an answer, never an exception.

        Returns
        -------
        tuple
            Approvals that are good for this state of the books and this epoch of the kill switch, and
            refusals with every rule that was violated.
        """
        setting, epoch = self._setting, self.kill.epoch
        batch = Batch(book, setting, self._why_not(book.now_ns))
        faults = [fault_of(item, book, is_backtest=setting.is_backtest) for item in proposals]
        if not setting.is_backtest:
            batch.value = _value_of_batch(proposals, faults, book)
        approved: list[Approved] = []
        refused: list[Refused] = []
        for proposal, fault in zip(proposals, faults, strict=True):
            if fault:
                refused.append(_unreadable(proposal, fault))
                continue
            try:
                breaches = self._breaches(proposal, batch)
            except Exception as error:  # noqa: BLE001 - what cannot be judged is refused
                breaches = [Breach("gate", 0.0, 0.0, detail=f"it failed: {_named(error)}")]
            if breaches:
                refused.append(Refused(proposal.order, tuple(breaches)))
            else:
                approved.append(self.approvals.issue(proposal.order, book.version, epoch))
        if self.on_loss is not None:
            for loss in self.losses(book):
                self.on_loss(loss)
        return approved, refused

    def _why_not(self, now_ns: int) -> str:
        """Why nothing may be sent; one who cannot say has not allowed it."""
        permit = self._setting.permit
        try:
            return "" if permit is None else permit(now_ns)
        except Exception as error:  # noqa: BLE001 - as a rule that fails
            return f"it failed: {_named(error)}"

    def _breaches(self, proposal: Proposal, batch: Batch) -> list[Breach]:
        order, setting = proposal.order, self._setting
        rules = self._rules
        if setting.is_backtest and order.reduce_only and order.reason not in _ASKED:
            rules = PROMISE_RULES
        if rules is not PROMISE_RULES and not batch.is_summed:
            batch.sum_up()
        case = Case(proposal, batch, self._limits_of(order, batch.book))
        breaches: list[Breach] = []
        for rule in rules:
            try:
                found = rule.check(case)
            except Exception as error:  # noqa: BLE001 - a rule that fails refuses
                found = Breach(rule.name, 0.0, 0.0, detail=f"it failed: {_named(error)}")
            if found is not None:
                breaches.append(found)
        breaches += (found for rule in self._own if (found := _asked(rule, order, batch.book)))
        if rules is not PROMISE_RULES and not setting.is_backtest:
            found = self._reserve(case, is_wanted=not breaches)
            if found is not None:
                breaches.append(found)
        batch.take(case, is_approved=not breaches)
        return breaches

    def _limits_of(self, order: Order, book: Book) -> InForce:
        key = (order.strategy, book.symbols[order.instrument])
        found = self._in_force.get(key)
        if found is None:
            if len(self._in_force) >= _MOST_REMEMBERED:
                self._in_force.clear()
            found = self._in_force[key] = self.limits.of(*key)
        return found

    # --- losses ----------------------------------------------------------------------------------

    def losses(self, book: Book) -> list[Breach]:
        """Losses of the account that are beyond their limits now: each is to trip the kill switch."""
        limits, found = self.limits.account, []
        for name, measure in LOSSES:
            limit = getattr(limits, name)
            lost = measure(limit, book)
            if lost is not None:
                found.append(Breach(name, limit, lost))
        return found

    # --- reservations ----------------------------------------------------------------------------

    def _reserve(self, case: Case, *, is_wanted: bool) -> Breach | None:
        """Take the order's part of what accounts share; what was refused before it leaves less room."""
        portfolio, batch = self.limits.portfolio, case.batch
        amount = max(abs(case.after) - abs(case.before), case.cost, 0.0)
        limit = portfolio.max_exposure - batch.added
        if amount == 0.0:
            return None
        scope = f"portfolio:{portfolio.name}"
        if self._reservations is None or not is_wanted:
            after = batch.gross + amount
            if self._reservations is not None or after <= portfolio.max_exposure:
                return None
            return Breach("reservation", portfolio.max_exposure, after, scope)
        token = case.order.client_id
        try:
            total = self._reservations.reserve(self._key, self._owner, token, amount, limit)
        except JournalError as error:
            return Breach("reservation", limit, amount, scope, f"it failed: {error.message}")
        if total is None:
            return Breach("reservation", limit, amount, scope, "there is no room for it")
        self._reserved.add(token)
        return None

    def release(self, order: Order) -> None:
        """Give back what was reserved for an order that has ended."""
        if self._reservations is not None and order.client_id in self._reserved:
            self._reserved.discard(order.client_id)
            self._reservations.release(self._key, order.client_id)

    def settle(self, amount: float, *, orders: Sequence[Order] = ()) -> None:
        """State what the account holds in all (gross, its currency), before its orders are released."""
        if self._reservations is not None:
            tokens = [order.client_id for order in orders]
            self._reserved.difference_update(tokens)
            self._reservations.settle(self._key, self._owner, amount, tokens=tokens)

    def remember(self, orders: Sequence[Order], intents: Sequence[str] = ()) -> None:
        """Take in names that were used before a restart, so that they are never used again."""
        for order in orders:
            self._setting.memory.knows(f"o:{order.client_id}")
            self._reserved.add(order.client_id)
        for intent in intents:
            self._setting.memory.knows(f"i:{intent}")


def _asked(rule: RiskRule, order: Order, book: Book) -> Breach | None:
    """What a rule of one's own says; one that fails, or says something else, refuses."""
    name = f"own:{rule.name}"
    try:
        found = cast("object", rule.check(order, book))
    except Exception as error:  # noqa: BLE001 - a rule that fails refuses
        return Breach(name, 0.0, 0.0, detail=f"it failed: {_named(error)}")
    if found is None:
        return None
    if not isinstance(found, Breach):
        return Breach(name, 0.0, 0.0, detail=f"it gave a {type(found).__name__}, no breach")
    return Breach(name, found.limit, found.value, found.scope, found.detail)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _unreadable(proposal: object, fault: str) -> Refused:
    order = getattr(proposal, "order", proposal)
    return Refused(order, (Breach("schema", 0.0, 0.0, detail=fault),))  # type: ignore[arg-type]


def _value_of_batch(proposals: Sequence[Proposal], faults: Sequence[str], book: Book) -> float:
    """Value of the orders of a batch, those that say they only reduce left out."""
    total = 0.0
    for proposal, fault in zip(proposals, faults, strict=True):
        if fault or proposal.order.reduce_only:
            continue
        order, i = proposal.order, proposal.order.instrument
        try:
            price = worst_price(order, book.marks.item(i), book.mids.item(i))
            unit = book.units.item(i)
        except IndexError:  # a book that is not whole
            return math.nan
        value = abs(value_of(order.lots - proposal.replaces, unit, price))
        total += value if math.isfinite(value) else 0.0  # such an order is refused by itself
    return total


def _longest_ns(limits: ScopedLimits) -> int:
    windows = [limits.account.duplicate_window_s, limits.account.repeat_window_s]
    for scopes in (limits.strategies, limits.symbols):
        for given in scopes.values():
            windows += [
                given[name] for name in ("duplicate_window_s", "repeat_window_s") if name in given
            ]
    return math.ceil(max(windows) * 1e9)
