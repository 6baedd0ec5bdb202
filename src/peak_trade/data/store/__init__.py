"""Market data kept in versions: atomic commits, corrections, provenance, in a folder or an object store."""

from peak_trade.data.store.place import default_store
from peak_trade.data.store.reading import Panel
from peak_trade.data.store.results import Commit, Compaction, Expiry, Stored, Version
from peak_trade.data.store.store import Store

__all__ = [
    "Commit",
    "Compaction",
    "Expiry",
    "Panel",
    "Store",
    "Stored",
    "Version",
    "default_store",
]
