"""Keys of a venue: read from the environment, never shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys of a venue, which no repr, error or log shows.

    Public market data needs none of them.

    Attributes
    ----------
    venue : str
        Such as ``kraken``.
    key, secret, passphrase : str
        Empty where they are not set.

    Examples
    --------
    >>> Credentials.read("kraken", {"PEAK_KRAKEN_KEY": "abc", "PEAK_KRAKEN_SECRET": "def"})
    Credentials(kraken: key and secret set)
    >>> Credentials.names("kraken")
    ('PEAK_KRAKEN_KEY', 'PEAK_KRAKEN_SECRET', 'PEAK_KRAKEN_PASSPHRASE')
    """

    venue: str
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)

    @classmethod
    def names(cls, venue: str) -> tuple[str, str, str]:
        """The environment variables of a venue's key, secret and passphrase."""
        prefix = f"PEAK_{venue.upper().replace('-', '_').replace('.', '_')}"
        return f"{prefix}_KEY", f"{prefix}_SECRET", f"{prefix}_PASSPHRASE"

    @classmethod
    def read(cls, venue: str, environment: Mapping[str, str]) -> "Credentials":
        """Read a venue's keys from the environment; what is not set is empty."""
        return cls(venue, *(environment.get(name, "").strip() for name in cls.names(venue)))

    @property
    def is_set(self) -> bool:
        """Whether there is a key and a secret."""
        return bool(self.key and self.secret)

    def masked(self, text: str) -> str:
        """Take every key out of a text.

        Examples
        --------
        >>> Credentials("kraken", "abcdef", "uvwxyz").masked("refused abcdef")
        'refused ***'
        """
        for secret in (self.key, self.secret, self.passphrase):
            if len(secret) >= 4:  # nothing shorter is a key, and would hit words
                text = text.replace(secret, "***")
        return text

    def __repr__(self) -> str:
        parts = (("key", self.key), ("secret", self.secret), ("passphrase", self.passphrase))
        there = [name for name, value in parts if value]
        return f"Credentials({self.venue}: {' and '.join(there) + ' set' if there else 'none'})"
