"""What goes wrong between a simulated venue's server and its clients, message by message."""

import re
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from peak_trade.domain.errors import ParameterError, did_you_mean

_CHANCES = ("drop", "double", "late", "reorder", "http_429", "http_5xx", "reset", "stale")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}

HttpFault = Literal["", "429", "5xx before", "5xx after", "reset before", "reset after"]
"""What befalls a request: nothing, or a fault before or after the venue has done what it asks."""


@dataclass(frozen=True, slots=True)
class MessageFaults:
    """Chances of what a wire and a venue do wrong, per WebSocket frame or per request; none by default.

    Parameters
    ----------
    drop, double, reorder : float
        A frame never arrives, arrives twice, or arrives after the one that follows it.
    late : float
        A frame arrives up to ``late_s`` late, after others that were sent later.
    lose_frame : int
        The number of the one data frame that is silently lost on a healthy stream; 0 for none.
    http_429, http_5xx : float
        A request is refused for its pace; or fails, in half of the cases after the venue acted.
    reset : float
        A request's connection is reset, in half of the cases after the venue acted.
    stale : float
        A query is answered as of up to ``stale_s`` ago.
    restart_s : float
        Every so many seconds all connections are cut; 0 for never. What the venue knows is kept.
    clock_s : float
        By how much the venue's clock is ahead (negative: behind).

    Raises
    ------
    ParameterError
        A chance outside 0 to 1, or a bound that is negative.

    Examples
    --------
    >>> faults = MessageFaults.parse("drop=0.01,late=0.05:200ms,restart=60s,clock=-10s")
    >>> faults.drop, faults.late, faults.late_s, faults.restart_s, faults.clock_s
    (0.01, 0.05, 0.2, 60.0, -10.0)
    >>> str(faults)
    'drop=0.01,late=0.05:0.2s,restart=60s,clock=-10s'
    >>> MessageFaults.parse("dorp=0.1")
    Traceback (most recent call last):
    peak_trade.domain.errors.ParameterError: fault 'dorp' is not known; did you mean drop?
    """

    drop: float = 0.0
    double: float = 0.0
    late: float = 0.0
    reorder: float = 0.0
    lose_frame: int = 0
    http_429: float = 0.0
    http_5xx: float = 0.0
    reset: float = 0.0
    stale: float = 0.0
    restart_s: float = 0.0
    clock_s: float = 0.0
    late_s: float = 0.2
    stale_s: float = 2.0

    def __post_init__(self) -> None:
        for name in _CHANCES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ParameterError(
                    f"{name} is {getattr(self, name)}; a chance from 0 to 1 was expected"
                )
        for name in ("restart_s", "late_s", "stale_s", "lose_frame"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ParameterError(f"{name} is {getattr(self, name)}; 0 or more was expected")

    @classmethod
    def parse(cls, text: str) -> "MessageFaults":
        """Read ``drop=0.01,late=0.05:200ms,lose_frame=40,restart=60s,clock=10s``; empty for none.

        Raises
        ------
        ParameterError
            A name that is not known, or a value that is none.
        """
        found: dict[str, float] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = item.partition("=")
            found.update(_read(name.strip(), value.strip()))
        return cls(
            **{k: int(v) if k == "lose_frame" else v for k, v in found.items()}  # type: ignore[arg-type]
        )

    def __str__(self) -> str:
        parts = []
        for item in fields(self):
            value = getattr(self, item.name)
            if not value or item.name in ("late_s", "stale_s"):
                continue
            shown = f"{value:g}"
            if item.name in ("late", "stale"):
                shown += f":{getattr(self, item.name + '_s'):g}s"
            parts.append(
                f"{item.name.removesuffix('_s')}={shown}{'s' if item.name.endswith('_s') else ''}"
            )
        return ",".join(parts)


NO_FAULTS = MessageFaults()
"""Nothing goes wrong."""


def _read(name: str, value: str) -> dict[str, float]:
    names = (*_CHANCES, "lose_frame", "restart", "clock")
    if name not in names:
        raise ParameterError(f"fault {name!r} is not known", hint=did_you_mean(name, names))
    if name in ("restart", "clock"):
        return {f"{name}_s": _seconds(name, value)}
    chance, _, span = value.partition(":")
    try:
        found = {name: float(chance)}
    except ValueError:
        raise ParameterError(
            f"{name}={value!r} is no number", hint=f"write it like {name}=0.01"
        ) from None
    if name == "lose_frame" and found[name] % 1 != 0:
        raise ParameterError(f"lose_frame={value!r}; the number of a frame was expected")
    if span and name in ("late", "stale"):
        found[f"{name}_s"] = _seconds(name, span)
    elif span:
        raise ParameterError(f"{name}={value!r} has no bound", hint="late and stale have one")
    return found


def _seconds(name: str, text: str) -> float:
    sign = -1.0 if text.startswith("-") else 1.0
    matched = _SPAN.fullmatch(text.removeprefix("-").removeprefix("+"))
    if matched is None:
        raise ParameterError(f"{name} of {text!r} is no span", hint="write it like 200ms or 10s")
    return sign * float(matched[1]) * _SECONDS[matched[2] or ""]


class FrameFaults:
    """Draws what befalls each frame and each request of a server.

    Parameters
    ----------
    faults : MessageFaults
        How often what happens.
    rng : numpy.random.Generator
        What is drawn from.

    Examples
    --------
    >>> wire = FrameFaults(MessageFaults(lose_frame=2), np.random.default_rng(1))
    >>> [wire.deliver(text) for text in ("a", "b", "c")]
    [[(0.0, 'a')], [], [(0.0, 'c')]]
    >>> wire.lost
    1
    """

    def __init__(self, faults: MessageFaults, rng: np.random.Generator) -> None:
        self.faults, self._rng = faults, rng
        self._frames = 0
        self._kept: dict[int, list[str]] = {}
        self.lost = self.doubled = self.delayed = self.reordered = 0

    def _hits(self, chance: float) -> bool:
        return chance > 0.0 and float(self._rng.random()) < chance

    def deliver(self, text: str, stream: int = 0) -> list[tuple[float, str]]:
        """What goes out when a frame of a stream is sent: (seconds later, text) of each, in order."""
        faults = self.faults
        self._frames += 1
        kept = [(0.0, other) for other in self._kept.pop(stream, [])]
        if self._frames == faults.lose_frame or self._hits(faults.drop):
            self.lost += 1
            return kept
        if self._hits(faults.reorder) and not kept:
            self.reordered += 1
            self._kept[stream] = [text]
            return []
        if self._hits(faults.late):
            self.delayed += 1
            return [*kept, (float(self._rng.uniform(0.0, faults.late_s)), text)]
        if self._hits(faults.double):
            self.doubled += 1
            return [(0.0, text), (0.0, text), *kept]
        return [(0.0, text), *kept]

    def forget(self, stream: int) -> list[str]:
        """What a stream kept back for its next frame; it has no more."""
        return self._kept.pop(stream, [])

    def request(self) -> HttpFault:
        """What befalls a request."""
        faults = self.faults
        if self._hits(faults.http_429):
            return "429"
        if self._hits(faults.http_5xx):
            return "5xx before" if self._hits(0.5) else "5xx after"
        if self._hits(faults.reset):
            return "reset before" if self._hits(0.5) else "reset after"
        return ""

    def stale_ns(self) -> int:
        """By how much a query's answer is old, nanoseconds; 0 mostly."""
        if not self._hits(self.faults.stale):
            return 0
        return int(self._rng.uniform(0.0, self.faults.stale_s) * 1e9)
