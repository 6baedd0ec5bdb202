"""What goes wrong between a session and a simulated venue, and how often."""

from dataclasses import dataclass, fields

from peak_trade.domain.errors import ParameterError

BOUNDS = ("late_s", "stale_s")


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances, per request or per report, of everything that a venue and its wire do wrong.

    All are probabilities from 0 to 1 and none by default, besides the two bounds in seconds.

    Parameters
    ----------
    lost_request : float
        The request never arrives, and nobody answers it.
    lost_answer : float
        The venue acts, and its answer never arrives.
    late_request : float
        Nobody answers; the venue takes the request up to ``late_s`` later, after the client gave up.
    late_answer : float
        The venue acts at once and answers up to ``late_s`` later.
    reset : float
        The connection is reset, in half of the cases after the venue acted.
    server_error : float
        A 5xx answer, in half of the cases after the venue acted.
    rate_limited : float
        A 429 answer; nothing was done.
    duplicate_answer : float
        The venue takes an order, and answers that it knows the client id already.
    bad_nonce : float
        A 401 answer that the nonce is not valid; nothing was done.
    stale_read : float
        A query is answered with what was true up to ``stale_s`` ago.
    lost_report, duplicate_report, reordered_report, late_report : float
        A report never arrives, arrives twice, before the one made before it, or up to ``late_s`` late.
    restart : float
        The venue restarts: open orders are kept, reports on their way are lost, their numbers begin at
        1 again, and the connections are reset.
    cancel_race : float
        An order trades at the moment its cancel arrives.
    late_s, stale_s : float
        The longest delay, and the oldest answer, in seconds.

    Raises
    ------
    ParameterError
        A chance outside 0 to 1, or a bound that is negative.

    Examples
    --------
    >>> Faults(lost_answer=0.05).lost_answer
    0.05
    >>> Faults(reset=1.5)
    Traceback (most recent call last):
    peak_trade.domain.errors.ParameterError: reset is 1.5; a chance from 0 to 1 was expected
    """

    lost_request: float = 0.0
    lost_answer: float = 0.0
    late_request: float = 0.0
    late_answer: float = 0.0
    reset: float = 0.0
    server_error: float = 0.0
    rate_limited: float = 0.0
    duplicate_answer: float = 0.0
    bad_nonce: float = 0.0
    stale_read: float = 0.0
    lost_report: float = 0.0
    duplicate_report: float = 0.0
    reordered_report: float = 0.0
    late_report: float = 0.0
    restart: float = 0.0
    cancel_race: float = 0.0
    late_s: float = 0.02
    stale_s: float = 0.02

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in BOUNDS:
                if not 0 <= value < float("inf"):
                    raise ParameterError(
                        f"{item.name} is {value}; seconds of 0 or more were expected"
                    )
            elif not 0 <= value <= 1:
                raise ParameterError(f"{item.name} is {value}; a chance from 0 to 1 was expected")

    @property
    def settle_s(self) -> float:
        """Seconds after which an order that was sent, and is not found, was never placed.

        An order is taken at most ``late_s`` after it was sent, and a query's answer is at most
        ``stale_s`` old: the sum of the two.
        """
        return self.late_s + self.stale_s


CALM = Faults()
"""Nothing goes wrong."""

ROUGH = Faults(
    lost_request=0.02,
    lost_answer=0.03,
    late_request=0.02,
    late_answer=0.03,
    reset=0.02,
    server_error=0.02,
    rate_limited=0.005,
    duplicate_answer=0.01,
    stale_read=0.1,
    lost_report=0.05,
    duplicate_report=0.1,
    reordered_report=0.1,
    late_report=0.1,
    restart=0.002,
    cancel_race=0.2,
)
"""Everything goes wrong, each of it now and then: a bad day at a bad venue."""
