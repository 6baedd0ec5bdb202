"""What Binance says when it refuses: HTTP status, code and text, word for word as documented."""

from collections.abc import Mapping

from peak_trade.domain.errors import PeakTradeError

Json = Mapping[str, object]


class Refusal(PeakTradeError):  # noqa: N818 - an answer, which the venue gives on purpose
    """A request that the venue does not do, with the answer that it gives instead.

    Parameters
    ----------
    code : int
        Binance's code, such as -1121.
    message : str
        Binance's text.
    status : int
        The HTTP status; the WebSocket API answers the same one.
    data : mapping, optional
        What stands beside code and text, as ``data``.
    headers : mapping, optional
        Headers of the answer, such as ``Retry-After``.

    Examples
    --------
    >>> Refusal(-1121, "Invalid symbol.").body()
    {'code': -1121, 'msg': 'Invalid symbol.'}
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 400,
        data: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.status = code, status
        self.data, self.headers = data, dict(headers or {})

    def body(self) -> dict[str, object]:
        """The answer's JSON object."""
        said: dict[str, object] = {"code": self.code, "msg": self.message}
        return said if self.data is None else said | {"data": self.data}


def unsupported() -> Refusal:
    """A path or method that this venue does not offer."""
    return Refusal(-1020, "This operation is not supported.", status=404)


def mandatory(name: str) -> Refusal:
    """A parameter that must be sent was not, or cannot be read."""
    return Refusal(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def either(first: str, second: str) -> Refusal:
    """One of two parameters must be sent, and neither was."""
    return Refusal(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def empty(name: str) -> Refusal:
    """A parameter was sent without a value."""
    return Refusal(-1105, f"Parameter '{name}' was empty.")


def not_required(name: str) -> Refusal:
    """A parameter that this kind of order does not take."""
    return Refusal(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str, pattern: str) -> Refusal:
    """A parameter with characters that it may not have."""
    return Refusal(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
    )


def invalid(name: str) -> Refusal:
    """A parameter whose value is none that it may have."""
    return Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")


def too_precise(name: str) -> Refusal:
    """A number with more decimals than the asset has."""
    return Refusal(-1111, f"Parameter '{name}' has too much precision.")


def filter_failure(name: str) -> Refusal:
    """An order that breaks a rule of its symbol."""
    return Refusal(-1013, f"Filter failure: {name}")


def rejected(message: str) -> Refusal:
    """An order that the matching engine does not take."""
    return Refusal(-2010, message)


def unknown_order() -> Refusal:
    """A cancel of an order that is not open."""
    return Refusal(-2011, "Unknown order sent.")


def no_such_order() -> Refusal:
    """A question for an order that was never placed."""
    return Refusal(-2013, "Order does not exist.")


def unknown_outcome() -> Refusal:
    """A fault at the venue: whether the order was taken cannot be told from it."""
    return Refusal(
        -1007,
        "Timeout waiting for response from backend server."
        " Send status unknown; execution status unknown.",
        status=503,
    )


INSUFFICIENT_BALANCE = "Account has insufficient balance for requested action."
WOULD_MATCH = "Order would immediately match and take."
WOULD_TRIGGER = "Order would trigger immediately."
DUPLICATE = "Duplicate order sent."
