"""The store of market data that the configuration names."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peak_trade.app.config import Configuration
    from peak_trade.app.settings import Settings
    from peak_trade.data.store import Store


def store_place(found: "Configuration[Settings]") -> str:
    """Where market data is stored: ``data.store``, or a folder of the user's own."""
    from peak_trade.data.store import default_store

    return found.values.data.store or str(default_store())


def opened_store(found: "Configuration[Settings]") -> "Store":
    """Open the store that the configuration names.

    Raises
    ------
    DataError
        A place that cannot be opened.
    """
    from peak_trade.data.store import Store

    return Store.open(store_place(found))
