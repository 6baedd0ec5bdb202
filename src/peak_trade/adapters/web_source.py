"""What sources that are read over HTTP have in common: what they offer, and how they end."""

from types import TracebackType
from typing import Self

from peak_trade.adapters.web import Web
from peak_trade.data.source import Listed, Offer, SourceError, Trouble, Want


class WebSource:
    """A source that is read over HTTP; it is not to be shared by threads.

    Parameters
    ----------
    web : Web
        The service.
    has_key : bool
        Whether a key is set.

    Attributes
    ----------
    offer : Offer
        What it offers, known without asking it.
    """

    offer: Offer

    def __init__(self, web: Web, *, has_key: bool) -> None:
        self._web, self._has_key = web, has_key

    def __repr__(self) -> str:
        kinds = ", ".join(sorted(self.kinds))
        shown = "verified" if self.is_verified else "unverified"
        key = f"; {'key set' if self._has_key else 'no key'}" if self.offer.keys else ""
        return f"{type(self).__name__}({self.name}: {kinds}; {shown}{key})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The venue of its series."""
        return self.offer.name

    @property
    def kinds(self) -> frozenset[str]:
        """Which kinds of data it offers."""
        return self.offer.kinds

    @property
    def is_verified(self) -> bool:
        """Whether it was shown against recorded messages and a simulator of its venue."""
        return self.offer.is_verified

    def instruments(self) -> tuple[Listed, ...]:
        """Refused, unless a source lists what can be traded.

        Raises
        ------
        SourceError
            Always.
        """
        raise self._not_offered("its instruments", "lists none that can be traded")

    def close(self) -> None:
        """Close its connections."""
        self._web.close()

    def _check_kind(self, want: Want) -> None:
        if want.key.kind not in self.kinds:
            raise self._not_offered(str(want.key), f"offers no {want.key.kind}")

    def _check_key(self, want: Want) -> None:
        if self.offer.keys and not self._has_key:
            raise self._web.bad(
                str(want.key),
                "is not asked without a key",
                f"set {self.offer.keys[0]} in the environment",
                trouble=Trouble.NO_PERMISSION,
            )

    def _not_offered(self, what: str, said: str, hint: str = "") -> SourceError:
        offered = f"it offers {' and '.join(sorted(self.kinds))}"
        return self._web.bad(what, said, hint or offered, trouble=Trouble.NOT_OFFERED)
