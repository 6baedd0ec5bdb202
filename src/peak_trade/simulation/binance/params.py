"""The parameters of one request: texts that are read as what they should be, or refused."""

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from peak_trade.simulation.binance import refusals

NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
WHOLE = r"^[0-9]{1,20}$"

LARGEST = 2**63 - 1


class Params:
    """What a request sent, by name; every value a text, as it came.

    Parameters
    ----------
    items : iterable of (str, str)
        Names and values; a name that comes twice is refused.

    Raises
    ------
    Refusal
        -1101 for a name that comes twice.

    Examples
    --------
    >>> Params([("limit", "5")]).whole("limit", 100)
    5
    """

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in items:
            if name in self._values:
                raise refusals.Refusal(-1101, "Duplicate values for a parameter detected.")
            self._values[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def values(self) -> Mapping[str, str]:
        """Everything that was sent."""
        return self._values

    def check_known(self, known: Collection[str], *, is_signed: bool) -> None:
        """Refuse parameters that the request does not take.

        Raises
        ------
        Refusal
            -1104 for signed requests, -1101 for the others.
        """
        read = sum(name in known for name in self._values)
        sent = len(self._values)
        if read == sent:
            return
        if is_signed:
            raise refusals.Refusal(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s)"
                f" but was sent '{sent}'.",
            )
        raise refusals.Refusal(
            -1101, f"Too many parameters; expected '{read}' and received '{sent}'."
        )

    def text(self, name: str) -> str | None:
        """A value as it is; None where it was not sent.

        Raises
        ------
        Refusal
            -1105 for an empty one.
        """
        value = self._values.get(name)
        if value == "":
            raise refusals.empty(name)
        return value

    def need(self, name: str) -> str:
        """A value that must be sent.

        Raises
        ------
        Refusal
            -1102 without it.
        """
        value = self._values.get(name)
        if not value:
            raise refusals.mandatory(name)
        return value

    def whole(
        self,
        name: str,
        default: int,
        *,
        least: int = 0,
        most: int = LARGEST,
        is_capped: bool = False,
    ) -> int:
        """A whole number between bounds; ``is_capped`` takes a greater one for the greatest."""
        value = self.maybe_whole(name)
        if value is None:
            return default
        if value > most and is_capped:
            return most
        if not least <= value <= most:
            raise refusals.invalid(name)
        return value

    def maybe_whole(self, name: str) -> int | None:
        """A whole number; None where it was not sent."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(WHOLE, value):
            raise refusals.illegal(name, WHOLE)
        number = int(value)
        if number > LARGEST:
            raise refusals.Refusal(-1108, f"Parameter '{name}' overflowed.")
        return number

    def decimal(self, name: str) -> Decimal | None:
        """A number that is not negative; None where it was not sent."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(NUMBER, value):
            raise refusals.illegal(name, NUMBER)
        return Decimal(value)

    def need_decimal(self, name: str) -> Decimal:
        """A number that must be sent."""
        self.need(name)
        number = self.decimal(name)
        if number is None:
            raise refusals.mandatory(name)
        return number

    def client_id(self, name: str) -> str | None:
        """A client's own name for an order: 1 to 36 characters of those that are allowed."""
        value = self.text(name)
        if value is not None and not re.fullmatch(CLIENT_ID, value):
            raise refusals.illegal(name, CLIENT_ID)
        return value

    def is_true(self, name: str) -> bool:
        """A flag; absent means no."""
        value = self.text(name)
        if value is None:
            return False
        if value.lower() not in ("true", "false"):
            raise refusals.invalid(name)
        return value.lower() == "true"
