"""Binance's candle intervals, and when a candle of each begins and ends."""

from datetime import UTC, datetime

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS

_MONDAY_NS = 4 * DAY_NS
"""The first Monday after 1970-01-01, on which weeks are counted."""

FIXED = {
    "1s": SECOND_NS,
    "1m": 60 * SECOND_NS,
    "3m": 180 * SECOND_NS,
    "5m": 300 * SECOND_NS,
    "15m": 900 * SECOND_NS,
    "30m": 1_800 * SECOND_NS,
    "1h": 3_600 * SECOND_NS,
    "2h": 7_200 * SECOND_NS,
    "4h": 14_400 * SECOND_NS,
    "6h": 21_600 * SECOND_NS,
    "8h": 28_800 * SECOND_NS,
    "12h": 43_200 * SECOND_NS,
    "1d": DAY_NS,
    "3d": 3 * DAY_NS,
}
"""Intervals of one length that are counted from 1970-01-01."""

INTERVALS = (*FIXED, "1w", "1M")
"""All intervals, shortest first."""


def base_ns(interval: str) -> int:
    """The length of the candles that those of an interval are made of.

    Examples
    --------
    >>> base_ns("1h") // SECOND_NS, base_ns("1M") // DAY_NS
    (3600, 1)
    """
    return FIXED.get(interval, DAY_NS)


def opened_ns(interval: str, time_ns: int) -> int:
    """When the candle that holds a time began: weeks on Mondays, months on the first, UTC.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> day = int(datetime(2024, 2, 29, 13, tzinfo=UTC).timestamp()) * SECOND_NS
    >>> [str(datetime.fromtimestamp(opened_ns(i, day) / 1e9, UTC))[:16] for i in ("4h", "1w", "1M")]
    ['2024-02-29 12:00', '2024-02-26 00:00', '2024-02-01 00:00']
    """
    if interval == "1w":
        return (time_ns - _MONDAY_NS) // (7 * DAY_NS) * 7 * DAY_NS + _MONDAY_NS
    if interval == "1M":
        day = datetime.fromtimestamp(time_ns // SECOND_NS, UTC)
        return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * SECOND_NS
    width = FIXED[interval]
    return time_ns // width * width


def next_ns(interval: str, opened: int) -> int:
    """When the candle after the one that began at ``opened`` begins.

    Examples
    --------
    >>> next_ns("1m", 0) // SECOND_NS, next_ns("1M", 0) // DAY_NS
    (60, 31)
    """
    if interval == "1w":
        return opened + 7 * DAY_NS
    if interval == "1M":
        return opened_ns(interval, opened + 32 * DAY_NS)
    return opened + FIXED[interval]
