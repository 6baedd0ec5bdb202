"""Who may ask Kraken for what: keys, signatures, nonces, tokens of the WebSocket."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from peak_trade.domain.errors import ParameterError, PeakTradeError
from peak_trade.simulation.kraken.limits import Counter, Tier, call_cost
from peak_trade.simulation.market.account import Account

TOKEN_S = 900
_LOCKOUT_NS = 900 * 1_000_000_000
_STRIKES, _STRIKES_NS = 10, 60 * 1_000_000_000
_TRADES = frozenset(
    ("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "CancelOrderBatch",
     "CancelAll", "CancelAllOrdersAfter")
)  # fmt: skip


class KrakenError(PeakTradeError):
    """Kraken's own text for what it does not do."""


def signature(secret: str, path: str, nonce: str, body: str) -> str:
    """The signature of a private request, as Kraken documents it.

    ``base64(HMAC-SHA512(base64decode(secret), path + SHA256(nonce + body)))``.

    Raises
    ------
    ParameterError
        A secret that is not base64.
    """
    try:
        key = base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise ParameterError("a secret is not base64", hint="give it as Kraken does") from None
    digest = hashlib.sha256((nonce + body).encode()).digest()
    made = hmac.new(key, path.encode() + digest, hashlib.sha512)
    return base64.b64encode(made.digest()).decode()


@dataclass(frozen=True, slots=True)
class KrakenKey:
    """A key that the venue accepts; its secret never shows.

    Parameters
    ----------
    key, secret : str
        The secret is base64.
    account : str
        Whose it is.
    can_trade : bool
        Whether it may place and cancel orders.
    """

    key: str
    secret: str = field(repr=False)
    account: str
    can_trade: bool = True

    def __post_init__(self) -> None:
        signature(self.secret, "", "", "")


def new_key(account: str) -> KrakenKey:
    """A key of chance for rehearsals."""
    return KrakenKey(
        secrets.token_urlsafe(42), base64.b64encode(secrets.token_bytes(64)).decode(), account
    )


@dataclass(slots=True)
class _Seen:
    """What a key has done so far."""

    calls: Counter
    nonce: int = -1
    strikes: list[int] = field(default_factory=list)
    locked_until_ns: int = 0


class Access:
    """Checks private requests, and hands out tokens for the WebSocket.

    Parameters
    ----------
    keys : iterable of KrakenKey
        Which keys are accepted.
    accounts : mapping of str to Account
        Accounts by name.
    tier : Tier
        How much they may ask.
    """

    def __init__(
        self, keys: Iterable[KrakenKey], accounts: Mapping[str, Account], tier: Tier
    ) -> None:
        self._keys = {key.key: key for key in keys}
        self._accounts, self._tier = accounts, tier
        self._seen: dict[str, _Seen] = {}
        self._tokens: dict[str, tuple[str, int]] = {}
        self._kept: dict[str, int] = {}

    def check(
        self, name: str, *, key: str, sign: str, nonce: str, body: str, now_ns: int
    ) -> Account:
        """Whose request a private call is.

        Raises
        ------
        KrakenError
            An unknown key, a signature that is not right, a nonce that does not rise, too many calls, a
            key without the permission, or one that is locked out.
        """
        known = self._keys.get(key)
        if known is None:
            raise KrakenError("EAPI:Invalid key")
        seen = self._seen.setdefault(key, _Seen(Counter(self._tier.calls, self._tier.calls_decay)))
        if seen.locked_until_ns > now_ns:
            raise KrakenError("EGeneral:Temporary lockout")
        wanted = signature(known.secret, f"/0/private/{name}", nonce, body)
        if not hmac.compare_digest(wanted.encode(), sign.encode()):
            raise self._strike(seen, "EAPI:Invalid signature", now_ns)
        if not seen.calls.add(call_cost(name), now_ns):
            raise KrakenError("EAPI:Rate limit exceeded")
        if not (nonce.isascii() and nonce.isdigit() and seen.nonce < int(nonce) < 2**64):
            raise self._strike(seen, "EAPI:Invalid nonce", now_ns)
        seen.nonce = int(nonce)
        if name in _TRADES and not known.can_trade:
            raise KrakenError("EGeneral:Permission denied")
        return self._accounts[known.account]

    def _strike(self, seen: _Seen, text: str, now_ns: int) -> KrakenError:
        """Count a request that was not right; many in a short time lock the key out."""
        seen.strikes = [when for when in seen.strikes if when > now_ns - _STRIKES_NS] + [now_ns]
        if len(seen.strikes) >= _STRIKES:
            seen.strikes, seen.locked_until_ns = [], now_ns + _LOCKOUT_NS
        return KrakenError(text)

    # --- tokens ----------------------------------------------------------------------------------

    def new_token(self, account: Account, now_ns: int) -> str:
        """A token with which the WebSocket is asked for the account's own data."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (account.name, now_ns + TOKEN_S * 1_000_000_000)
        return token

    def by_token(self, token: object, now_ns: int) -> Account:
        """Whose token it is; it lasts 15 minutes, and longer while a subscription holds it.

        Raises
        ------
        KrakenError
            It is nobody's, or too old.
        """
        name, until_ns = self._tokens.get(token if isinstance(token, str) else "", ("", 0))
        if not name or (until_ns <= now_ns and not self._kept.get(str(token))):
            raise KrakenError("ESession:Invalid session")
        return self._accounts[name]

    def keep(self, token: str, by: int) -> None:
        """A subscription holds a token (1), or holds it no longer (-1)."""
        self._kept[token] = self._kept.get(token, 0) + by
