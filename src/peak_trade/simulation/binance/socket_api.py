"""The WebSocket API: requests like those of REST over one connection, and user data on it."""

import json
from collections.abc import Callable, Mapping

from peak_trade.simulation.binance import refusals
from peak_trade.simulation.binance.operations import METHODS, Operation, check_params, found
from peak_trade.simulation.binance.order_shapes import Json
from peak_trade.simulation.binance.params import Params
from peak_trade.simulation.binance.refusals import Refusal
from peak_trade.simulation.binance.signing import (
    account_of,
    check_signature,
    check_time,
    socket_payload,
)
from peak_trade.simulation.binance.user_events import UserEvents
from peak_trade.simulation.binance.venue import Call, Key, Venue
from peak_trade.simulation.frames import HttpFault

Send = Callable[[str, bool], None]

CONNECTION_WEIGHT = 2
WITH_ALL = ("apiKey", "returnRateLimits")
TRANSPORT = (*WITH_ALL, "signature", "timestamp", "recvWindow")


class SocketApi:
    """One connection to the WebSocket API.

    Parameters
    ----------
    venue : Venue
        What is asked.
    users : UserEvents
        What accounts are told of.
    send : callable
        How answers and events go out.
    address : str
        Where it comes from.
    """

    def __init__(self, venue: Venue, users: UserEvents, send: Send, *, address: str) -> None:
        self._venue, self._users, self._send, self._address = venue, users, send, address
        self._began_ms = venue.now_ms
        self._next_subscription = 0
        self._subscriptions: dict[int, tuple[str, Callable[[], None]]] = {}
        self._local = {
            "session.status": self._status,
            "session.logout": self._status,
            "session.logon": self._logon,
            "session.subscriptions": self._listed,
            "userDataStream.subscribe": self._logon,
            "userDataStream.subscribe.signature": self._subscribe,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def end(self) -> None:
        """The connection has gone: its subscriptions end."""
        for _, stop in self._subscriptions.values():
            stop()
        self._subscriptions.clear()

    def warn(self, now_ms: int) -> None:
        """Say that the server goes down."""
        self._say({"event": {"e": "serverShutdown", "E": now_ms}})

    def take(self, text: str, fault: HttpFault = "", *, as_of_ns: int | None = None) -> None:
        """Do what a message asks, and answer it, unless a fault befalls it."""
        number, status, said, account = self._done(text, fault, as_of_ns)
        answer: Json = {"id": number, "status": status}
        answer["result" if status == 200 else "error"] = said
        if _wants_limits(text):
            answer["rateLimits"] = self._counts(account)
        self._say(answer)

    def _say(self, message: Json) -> None:
        self._send(json.dumps(message, separators=(",", ":")), False)

    def _done(
        self, text: str, fault: HttpFault, as_of_ns: int | None
    ) -> tuple[object, int, object, str]:
        """A message's id, the status of its answer, the answer, and whose orders it may count."""
        number: object = None
        try:
            number, method, params = _read(text)
            if fault == "429":
                raise refusals.Refusal(-1003, "Too many requests queued.", status=429)
            if fault == "5xx before":
                raise refusals.unknown_outcome()
            result, account = self._do(method, params, as_of_ns)
            if fault == "5xx after":
                raise refusals.unknown_outcome()
        except Refusal as refused:
            return number, refused.status, refused.body(), ""
        return number, 200, result, account

    def _do(self, method: str, params: Params, as_of_ns: int | None) -> tuple[object, str]:
        local = self._local.get(method)
        if local is not None:
            self._venue.limits.charge(self._address, CONNECTION_WEIGHT, self._venue.wall_s)
            return local(params), ""
        operation = found(METHODS.get(method))
        weight = operation.weight(params)
        self._venue.limits.charge(self._address, weight, self._venue.wall_s)
        key = self._owner(params) if operation.is_signed else None
        check_params(operation, params, *(TRANSPORT if operation.is_signed else WITH_ALL))
        call = Call(params, self._address, key, as_of_ns)
        return operation.run(self._venue, call), self._account_of(operation, key)

    @staticmethod
    def _account_of(operation: Operation, key: Key | None) -> str:
        return key.account if key and operation.is_order else ""

    def _owner(self, params: Params) -> Key:
        """Whose signed request it is."""
        venue = self._venue
        key = venue.keys[account_of(params.text("apiKey"), venue.keys)]
        check_time(params, venue.clocks_ms)
        check_signature(key.secret, socket_payload(params.values()), params)
        return key

    def _counts(self, account: str) -> list[Json]:
        limits, now_s = self._venue.limits, self._venue.wall_s
        orders = limits.order_counts(account, now_s) if account else []
        return orders + limits.weight_counts(self._address, now_s)

    # --- sessions and user data ------------------------------------------------------------------

    def _logon(self, params: Params) -> object:
        """Sessions are opened with Ed25519 keys, which the venue does not give out."""
        raise Refusal(-4056, "HMAC_SHA256 API key is not supported.")

    def _status(self, params: Params) -> Json:
        return {
            "apiKey": None,
            "authorizedSince": None,
            "connectedSince": self._began_ms,
            "returnRateLimits": True,
            "serverTime": self._venue.now_ms,
            "userDataStream": bool(self._subscriptions),
        }

    def _listed(self, params: Params) -> list[Json]:
        return [{"subscriptionId": number} for number in self._subscriptions]

    def _subscribe(self, params: Params) -> Json:
        account = self._owner(params).account
        if any(name == account for name, _ in self._subscriptions.values()):
            raise Refusal(-2035, "User Data Stream subscription already active.")
        number = self._next_subscription
        self._next_subscription += 1

        def hear(event: Json) -> None:
            said = {"subscriptionId": number, "event": event}
            self._send(json.dumps(said, separators=(",", ":")), True)

        self._subscriptions[number] = (account, self._users.listen(account, hear))
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Params) -> Json:
        number = params.maybe_whole("subscriptionId")
        chosen = list(self._subscriptions) if number is None else [number]
        if not chosen or any(one not in self._subscriptions for one in chosen):
            raise Refusal(-2036, "User Data Stream subscription not active.")
        for one in chosen:
            self._subscriptions.pop(one)[1]()
        return {}


class _Number(str):
    """A JSON number as it was written, for signatures are over what was written."""

    __slots__ = ()


def _read(text: str) -> tuple[object, str, Params]:
    """A message's id, method and parameters.

    Raises
    ------
    Refusal
        -1135 for what is no such message.
    """
    try:
        asked = json.loads(text, parse_float=_Number)
    except ValueError:
        raise Refusal(-1135, "Invalid JSON Request") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
        raise Refusal(-1135, "Invalid JSON Request")
    params = asked.get("params") or {}
    if not isinstance(params, dict):
        raise Refusal(-1135, "Invalid JSON Request")
    return asked.get("id"), asked["method"], Params(_texts(params))


def _texts(params: Mapping[str, object]) -> list[tuple[str, str]]:
    """Parameters as texts; a list as the JSON that REST has for it."""
    found = []
    for name, value in params.items():
        if isinstance(value, bool):
            found.append((name, "true" if value else "false"))
        elif isinstance(value, list | dict):
            found.append((name, json.dumps(value, separators=(",", ":"))))
        elif value is not None:
            found.append((name, str(value)))
    return found


def _wants_limits(text: str) -> bool:
    try:
        params = json.loads(text)["params"]
        return params.get("returnRateLimits", True) is not False
    except (ValueError, KeyError, TypeError, AttributeError):
        return True
