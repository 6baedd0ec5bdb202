"""What the feeds need that is not always installed."""

import importlib

from peak_trade.domain.errors import DataError

NEEDED = ("aiohttp", "msgspec")


def check_installed() -> None:
    """Refuse a feed where a library that it needs is missing.

    Raises
    ------
    DataError
        With the name of the extra that brings it.
    """
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise DataError(
                f"live feeds need {name}, which is not installed",
                hint="pip install 'peak-trade[exchanges]'",
            ) from error
