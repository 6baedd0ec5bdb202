"""Fee schedules of venues, by date, as files that come with the package or are your own."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from peak_trade.domain.costs import Fees, FeeTier
from peak_trade.domain.errors import InputError, ParameterError, did_you_mean

_FOLDER = Path(__file__).with_name("schedules")
_KEYS = ("since", "maker", "taker", "tiers", "fixed", "per_unit", "minimum", "cap")


def venues_with_fees() -> tuple[str, ...]:
    """Name the venues whose fee schedules come with the package.

    Examples
    --------
    >>> venues_with_fees()
    ('binance', 'kraken', 'us_equities')
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def venue_fees(name: str | Path) -> tuple[Fees, ...]:
    """A venue's fee schedules by date, for ``Costs(fees=...)``.

    Parameters
    ----------
    name : str or Path
        One of :func:`venues_with_fees`, or a TOML file of your own: tables ``[[schedule]]`` with
        ``since`` (a date; left out in the first), ``maker``, ``taker``, ``tiers`` (rows of volume,
        maker and taker), ``fixed``, ``per_unit``, ``minimum`` and ``cap``.

    Raises
    ------
    InputError
        No such venue or file, or one that does not read as fee schedules.

    Examples
    --------
    >>> today = venue_fees("kraken")[-1]
    >>> today.taker, today.tiers[0].volume
    (0.004, 10000.0)
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = _FOLDER / f"{name}.toml"
        if not path.is_file():
            raise InputError(
                f"no fee schedule comes with the package for {str(name)!r}",
                hint=f"{did_you_mean(str(name), venues_with_fees())}; or name a file ending in .toml",
            )
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # no text, no TOML, or no path
        raise InputError(
            f"fee schedule {path} cannot be read: {error}", hint="give a TOML file"
        ) from error
    return schedules_of(found.get("schedule"), str(path))


def schedules_of(tables: object, where: str) -> tuple[Fees, ...]:
    """Fee schedules of parsed tables; ``where`` names them in errors.

    Raises
    ------
    InputError
        Tables that do not read as fee schedules.
    """
    if not isinstance(tables, list) or not tables:
        raise InputError(
            f"{where} has no fee schedule", hint="give at least one table [[schedule]]"
        )
    try:
        found = tuple(_fees(table, where) for table in tables)
    except ParameterError as error:
        raise InputError(f"{where}: {error.message}", hint=error.hint) from error
    since = [fees.since_ns for fees in found]
    if since != sorted(set(since)):
        raise InputError(f"{where}: the schedules do not ascend in time", hint="sort them by since")
    return found


def _fees(table: object, where: str) -> Fees:
    if not isinstance(table, Mapping):
        raise InputError(f"{where}: {table!r} is no fee schedule", hint="give a table")
    for key in table:
        if key not in _KEYS:
            raise InputError(
                f"{where}: a fee schedule has no {key!r}", hint=did_you_mean(str(key), _KEYS)
            )
    rows = table.get("tiers", [])
    if not isinstance(rows, list) or any(not isinstance(r, list) or len(r) != 3 for r in rows):
        raise InputError(
            f"{where}: tiers {rows!r} are no rows of three numbers",
            hint="give rows of 30-day volume, maker and taker, such as [50000, 0.0014, 0.0024]",
        )
    return Fees(
        maker=table.get("maker", 0.0),
        taker=table.get("taker", 0.0),
        tiers=tuple(FeeTier(*(_number(value, where) for value in row)) for row in rows),
        fixed=table.get("fixed", 0.0),
        per_unit=table.get("per_unit", 0.0),
        minimum=table.get("minimum", 0.0),
        cap=table.get("cap"),
        since_ns=_nanoseconds(table.get("since"), where),
    )


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: {value!r} is not a number", hint="give a number")
    return float(value)


def _nanoseconds(since: object, where: str) -> int:
    if since is None:
        return 0
    if isinstance(since, str):
        try:
            since = datetime.fromisoformat(since)
        except ValueError as error:
            raise InputError(
                f"{where}: since {since!r} is no date", hint="write 2024-01-01"
            ) from error
    if isinstance(since, date) and not isinstance(since, datetime):
        since = datetime(since.year, since.month, since.day, tzinfo=UTC)
    if not isinstance(since, datetime):
        raise InputError(f"{where}: since {since!r} is no date", hint="write 2024-01-01")
    stamp = since if since.tzinfo else since.replace(tzinfo=UTC)
    return int(stamp.timestamp()) * 1_000_000_000
