"""Every error this package raises, in one tree.

An error says what was found, what was expected and where; its ``hint`` says what to do next.
Expected outcomes (a refused order, a scaled fill) are values, not errors.
"""

import difflib
from collections.abc import Iterable


class PeakTradeError(Exception):
    """Something is wrong with the input, with the world, or with this program.

    Parameters
    ----------
    message : str
        What was found, what was expected, and where.
    hint : str
        What to do about it.
    **fields
        The facts of the message as values, for logs and ``--json``.

    Examples
    --------
    >>> error = PeakTradeError("price -1.0 at row 3", hint="remove the row", row=3)
    >>> str(error)
    'price -1.0 at row 3; remove the row'
    >>> error.fields["row"]
    3
    """

    def __init__(self, message: str, hint: str = "", **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class InputError(PeakTradeError):
    """What the user handed in cannot be used; the command line ends with exit code 2."""


class DataError(InputError):
    """Market data is missing, unreadable or would break a backtest."""


class ParameterError(InputError):
    """A parameter of a strategy, an exit, a cost or a grid is unknown or out of its range."""


class ConfigError(InputError):
    """A configuration key is unknown or its value is not valid."""


class StrategyError(InputError):
    """A strategy cannot be found or loaded, or its targets cannot be traded."""


class JournalError(InputError):
    """The database of runs cannot be opened, read or written, or does not hold what was named."""


class RiskError(InputError):
    """Limits, policies, operators or kill state are missing, unreadable or contradict each other."""


class RefusedError(InputError):
    """What was asked for may not be done now: a session that may not trade, a code that is wrong."""


class ApprovalError(PeakTradeError):
    """An approval that was copied, changed, reused, is stale or was never given: a bug or an attack."""


class LifecycleError(PeakTradeError):
    """A venue or this program reports what no order can do."""


class LedgerError(PeakTradeError):
    """The books do not add up: a bug, never bad input."""


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Give a hint that names the options closest to ``name``.

    Examples
    --------
    >>> did_you_mean("ma_cros", ["ma_cross", "ema_cross", "rsi_reversion"])
    'did you mean ma_cross or ema_cross?'
    >>> did_you_mean("zzz", ["fast", "slow"])
    'choose one of fast, slow'
    """
    known = sorted(options)
    close = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"choose one of {shown}" if known else "there is none to choose from"
