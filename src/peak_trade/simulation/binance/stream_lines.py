"""One connection to the market streams: what it listens to, and what it may ask."""

import json
from collections.abc import Callable, Iterable

from peak_trade.simulation.binance.stream_names import StreamName, stream_named
from peak_trade.simulation.binance.streams import MarketStreams

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
MOST_STREAMS = 1_024

Send = Callable[[str, bool], None]
"""Sends a text; the flag says whether it is market data."""


class StreamLine:
    """What one connection listens to.

    Parameters
    ----------
    streams : MarketStreams
        What there is.
    send : callable
        How its messages go out.
    is_combined : bool
        Whether each message carries the name of its stream.
    """

    def __init__(self, streams: MarketStreams, send: Send, *, is_combined: bool) -> None:
        self._streams, self._send = streams, send
        self.is_combined = is_combined
        self._names: dict[str, StreamName] = {}

    def listen(self, names: Iterable[str]) -> None:
        """Listen to the streams of an address; what is no stream's name is passed over."""
        for name in names:
            found = stream_named(name)
            if found is not None:
                self._add(found)

    def _add(self, name: StreamName) -> None:
        self._names[name.text] = name
        self._streams.add(name, self._hear)

    def end(self) -> None:
        """Listen to nothing more."""
        for name in self._names:
            self._streams.remove(name, self._hear)
        self._names.clear()

    def _hear(self, name: str, message: object) -> None:
        said = {"stream": name, "data": message} if self.is_combined else message
        self._send(json.dumps(said, separators=(",", ":")), True)

    def warn(self, now_ms: int) -> None:
        """Say that the server goes down."""
        event = {"e": "serverShutdown", "E": now_ms}
        said = {"stream": "!serverShutdown", "data": event} if self.is_combined else event
        self._send(json.dumps(said, separators=(",", ":")), False)

    def take(self, text: str) -> None:
        """Do what a message asks, and answer it."""
        self._send(json.dumps(self._answer(text), separators=(",", ":")), False)

    def _answer(self, text: str) -> dict[str, object]:
        try:
            asked = json.loads(text)
        except ValueError:
            return _fault(3, "Invalid JSON: expected value at line 1 column 1", None)
        if not isinstance(asked, dict):
            return _fault(2, "Invalid request: an object was expected", None)
        number = asked.get("id")
        if number is not None and not isinstance(number, int | str):
            return _fault(2, "Invalid request: request ID must be an unsigned integer", None)
        method = asked.get("method")
        if method not in METHODS:
            expected = ", ".join(f"`{name}`" for name in METHODS)
            return _fault(
                2,
                f"Invalid request: unknown variant `{method}`, expected one of {expected}",
                number,
            )
        return self._do(method, asked.get("params"), number)

    def _do(self, method: str, params: object, number: object) -> dict[str, object]:
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self._names), "id": number}
        if not isinstance(params, list) or not params:
            return _fault(2, "Invalid request: params must be a list that is not empty", number)
        if method.endswith("PROPERTY"):
            return self._property(method, params, number)
        found = [stream_named(name) if isinstance(name, str) else None for name in params]
        names = [name for name in found if name is not None]
        if len(names) < len(found):
            return _fault(2, "Invalid request: invalid stream", number)
        if method == "SUBSCRIBE":
            if len({*self._names, *(name.text for name in names)}) > MOST_STREAMS:
                return _fault(2, f"Invalid request: more than {MOST_STREAMS} streams", number)
            for name in names:
                self._add(name)
        else:
            for name in names:
                if self._names.pop(name.text, None):
                    self._streams.remove(name.text, self._hear)
        return {"result": None, "id": number}

    def _property(self, method: str, params: list[object], number: object) -> dict[str, object]:
        if params[0] != "combined":
            return _fault(0, "Unknown property", number)
        if method == "GET_PROPERTY":
            return {"result": self.is_combined, "id": number}
        value = params[1] if len(params) > 1 else None
        if not isinstance(value, bool):
            return _fault(1, "Invalid value type: expected Boolean", number)
        self.is_combined = value
        return {"result": None, "id": number}


def _fault(code: int, message: str, number: object) -> dict[str, object]:
    return {"error": {"code": code, "msg": message}, "id": number}
