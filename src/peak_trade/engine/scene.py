"""One run's setting: bars, terms, actions and finer bars, and the engine that takes them."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from peak_trade.domain.actions import Actions, check_actions
from peak_trade.domain.bars import Bars
from peak_trade.domain.errors import ParameterError
from peak_trade.domain.order_strategy import OrderStrategy
from peak_trade.domain.record import Record
from peak_trade.domain.terms import Terms
from peak_trade.engine import fast
from peak_trade.engine.detail import Detail
from peak_trade.engine.sheet import Sheet

Targets = npt.NDArray[np.float64] | npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scene:
    """What target rows are traded on: rows ``start`` to ``stop`` of bars, under terms.

    ``sheet`` is None for a plain account without actions, which needs nothing laid out.
    """

    bars: Bars
    start: int
    stop: int
    terms: Terms
    sheet: Sheet | None
    detail: Detail | None
    actions: Actions | None = None

    @classmethod
    def of(
        cls,
        bars: Bars,
        *,
        start: int,
        stop: int,
        terms: Terms,
        actions: Actions | None = None,
        detail: Bars | None = None,
    ) -> "Scene":
        """Lay a run out.

        Raises
        ------
        DataError, InputError
            Actions or finer bars that do not fit, or bars without what the terms need.
        """
        if actions is not None:
            actions = check_actions(actions, bars)
        is_plain = terms.are_plain and not actions and not terms.currency and _one_quote(bars)
        return cls(
            bars=bars,
            start=start,
            stop=stop,
            terms=terms,
            sheet=None if is_plain else Sheet.of(bars, terms, actions, start),
            detail=None if detail is None else Detail(bars, detail),
            actions=actions,
        )

    def with_terms(self, terms: Terms) -> "Scene":
        """The same run under other terms."""
        scene = Scene.of(
            self.bars, start=self.start, stop=self.stop, terms=terms, actions=self.actions
        )
        return replace(scene, detail=self.detail)

    @property
    def declined(self) -> str:
        """Why the fast path does not take this, or nothing."""
        return fast.declines(self.bars, self.terms, self.sheet, has_detail=self.detail is not None)

    def run(self, targets: Targets, name: str, engine: str = "auto") -> tuple[Record, str]:
        """Trade (T, N) targets of a strategy, and say why the fast path declined, if it did.

        Raises
        ------
        StrategyError
            Targets of a row that add up to more than they may, or are infinite.
        InputError
            A position too large for the books.
        ParameterError
            The fast path is asked for, and declines.
        """
        declined = "" if engine == "session" else self.declined
        if engine == "fast" and declined:
            raise ParameterError(
                f"the fast path declines: {declined}", hint="leave the engine to auto, or session"
            )
        if engine != "session" and not declined:
            trading = fast.Trading.of(self.bars, self.start, self.stop)
            return fast.run(trading, targets, self.terms, name, self.sheet), ""
        from peak_trade.engine.rows import StoredRows
        from peak_trade.engine.session import Session

        session = Session(
            self.bars,
            StoredRows(targets),
            start=self.start,
            stop=self.stop,
            terms=self.terms,
            sheet=self.sheet,
            detail=self.detail,
            name=name,
        )
        return session.run(), declined

    def run_orders(
        self, strategy: OrderStrategy, name: str, engine: str = "auto"
    ) -> tuple[Record, str]:
        """Run an order strategy, and say why its compiled form was not taken, if it was not.

        Raises
        ------
        StrategyError
            What it asks for cannot be an order.
        ParameterError
            The compiled form is asked for, and declines.
        """
        from peak_trade.engine import compiled

        declined = "" if engine == "session" else compiled.declines(self, strategy)
        if engine == "fast" and declined:
            raise ParameterError(
                f"the fast path declines: {declined}", hint="leave the engine to auto, or session"
            )
        if engine != "session" and not declined:
            return compiled.run(self, strategy, name), ""
        from peak_trade.engine.session import Session

        session = Session(
            self.bars,
            strategy,
            start=self.start,
            stop=self.stop,
            terms=self.terms,
            sheet=self.sheet,
            detail=self.detail,
            name=name,
        )
        return session.run(), declined


def _one_quote(bars: Bars) -> bool:
    return len({instrument.quote for instrument in bars.instruments}) == 1
