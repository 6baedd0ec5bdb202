"""What a session needs of a place that executes orders."""

from typing import Protocol

from peak_trade.domain.order import Order, OrderState


class Venue(Protocol):
    """A place that takes orders, real or simulated; only the pipeline may call ``submit``."""

    def submit(self, order: Order) -> OrderState:
        """Take an order; its fills follow as events."""
        ...

    def cancel(self, client_id: str) -> OrderState:
        """Cancel what is left of an open order."""
        ...
