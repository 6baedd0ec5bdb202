"""What a mode means: which clock, feed and venue, and what a session may do in it."""

from dataclasses import dataclass
from typing import Literal

from peak_trade.domain.errors import InputError, did_you_mean

Name = Literal["backtest", "paper", "shadow", "testnet", "live"]


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode of a session, as data.

    Parameters
    ----------
    name : str
        How it is called.
    is_simulated : bool
        Whether orders are matched here, and never leave this machine.
    is_recorded : bool
        Whether the journal and reconciliation are on; a backtest may do without.
    persons : int
        How many it takes to arm it.
    is_offered : bool
        Whether this version runs it.
    """

    name: Name
    is_simulated: bool
    is_recorded: bool
    persons: int
    is_offered: bool = True


MODES: dict[str, Mode] = {
    "backtest": Mode("backtest", is_simulated=True, is_recorded=False, persons=0),
    "paper": Mode("paper", is_simulated=True, is_recorded=True, persons=0),
    "shadow": Mode("shadow", is_simulated=True, is_recorded=True, persons=0, is_offered=False),
    "testnet": Mode("testnet", is_simulated=False, is_recorded=True, persons=1, is_offered=False),
    "live": Mode("live", is_simulated=False, is_recorded=True, persons=2, is_offered=False),
}
"""Every mode by its name. Those that need a real venue's adapter are declared, and not offered yet."""


def session_mode(name: str) -> Mode:
    """The mode of a session that is run and recorded.

    Raises
    ------
    InputError
        No such mode, one that has a command of its own, or one that this version does not run.

    Examples
    --------
    >>> session_mode("paper").is_simulated
    True
    >>> session_mode("live")
    Traceback (most recent call last):
    peak_trade.domain.errors.InputError: mode live is not offered by this version; ...
    """
    sessions = [key for key, found in MODES.items() if found.is_recorded]
    if name not in sessions:
        is_backtest = name in MODES
        raise InputError(
            f"mode {name!r} is no mode of a session",
            hint="use peak backtest" if is_backtest else did_you_mean(name, sessions),
        )
    found = MODES[name]
    if not found.is_offered:
        raise InputError(
            f"mode {name} is not offered by this version",
            hint="it needs a venue's adapter; run with --mode paper",
            mode=name,
        )
    return found
