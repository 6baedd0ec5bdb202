"""Who asks: API keys, HMAC signatures, and the time window of a signed request."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence

from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.refusals import Refusal, mandatory

KEY_FORMAT = r"[A-Za-z0-9_-]{1,128}"
DEFAULT_WINDOW_MS, LARGEST_WINDOW_MS, AHEAD_MS = 5_000, 60_000, 1_000
MICROSECONDS_FROM = 10**14
"""Timestamps from here on count microseconds: in milliseconds it would be the year 5138."""

SIGNED_WITH = ("timestamp", "recvWindow", "signature")


def signature_of(secret: str, payload: str) -> str:
    """The HMAC-SHA256 of a payload under a secret, in hexadecimal.

    Examples
    --------
    >>> signature_of("key", "The quick brown fox jumps over the lazy dog")[:16]
    'f7bc83f430538424'
    """
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def rest_payload(query: str, body: str) -> str:
    """What a REST request signs: query string, then body, as they were sent, without the signature.

    Examples
    --------
    >>> rest_payload("symbol=LTCBTC&side=BUY", "quantity=1&signature=00")
    'symbol=LTCBTC&side=BUYquantity=1'
    """
    return "".join(
        "&".join(part for part in text.split("&") if not part.startswith("signature="))
        for text in (query, body)
    )


def socket_payload(params: Mapping[str, str]) -> str:
    """What a request on the WebSocket API signs: its parameters by name, without the signature.

    Examples
    --------
    >>> socket_payload({"symbol": "BTCUSDT", "apiKey": "k", "signature": "00"})
    'apiKey=k&symbol=BTCUSDT'
    """
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")


def account_of(key: str | None, keys: Iterable[str]) -> str:
    """The key of a request, where it is one that the venue knows.

    Raises
    ------
    Refusal
        -2014 for none or one that is no key, -2015 for one that is not known.
    """
    if not key or not re.fullmatch(KEY_FORMAT, key):
        raise Refusal(-2014, "API-key format invalid.", status=401)
    for known in keys:
        if hmac.compare_digest(known, key):
            return known
    raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", status=401)


def check_signature(secret: str, payload: str, params: Params) -> None:
    """Refuse a request that its key's owner did not sign.

    Raises
    ------
    Refusal
        -1102 without a signature, -1022 for a wrong one.
    """
    given = params.values().get("signature")
    if not given:
        raise mandatory("signature")
    right = signature_of(secret, payload)
    if not hmac.compare_digest(right.encode(), given.lower().encode("utf-8", "replace")):
        raise Refusal(-1022, "Signature for this request is not valid.")


def check_time(params: Params, clocks_ms: Sequence[float]) -> None:
    """Refuse a request that was made too long ago, or in the future, by each of the clocks.

    Parameters
    ----------
    params : Params
        The request's; ``timestamp`` in milliseconds or microseconds, ``recvWindow`` in milliseconds.
    clocks_ms : sequence of float
        What it is now. Where the market runs faster than the world, there are two such times, and
        clients may go by either.

    Raises
    ------
    Refusal
        -1102 without a timestamp, -1131 for a window above 60 s, -1021 outside of the window.
    """
    stamp, window_ms = _milliseconds(params), _window_ms(params)
    is_ahead = [stamp >= now_ms + AHEAD_MS for now_ms in clocks_ms]
    is_late = [now_ms - stamp > window_ms for now_ms in clocks_ms]
    if not all(one or other for one, other in zip(is_ahead, is_late, strict=True)):
        return
    if is_ahead[-1]:
        raise Refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")


def _milliseconds(params: Params) -> float:
    params.need("timestamp")
    stamp = params.maybe_whole("timestamp")
    if stamp is None:
        raise mandatory("timestamp")
    return stamp / 1e3 if stamp >= MICROSECONDS_FROM else float(stamp)


def _window_ms(params: Params) -> float:
    asked = params.decimal("recvWindow")
    window = DEFAULT_WINDOW_MS if asked is None else float(asked)
    if window > LARGEST_WINDOW_MS:
        raise Refusal(-1131, "'recvWindow' must be less than 60000.")
    return window
