"""Headlines of RSS, Atom and JSON feeds; written from their specifications."""

import calendar
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from peak_trade.adapters.patience import Patience
from peak_trade.adapters.web import Web
from peak_trade.adapters.web_source import WebSource
from peak_trade.data.source import Estimate, Offer, Page, Setup, SourceError, Trouble, Want

if TYPE_CHECKING:
    pass

_SECOND_NS = 1_000_000_000
_REMEMBERED = 1_000
_MOST_BODY = 20_000


class Item(NamedTuple):
    """One entry of a feed; ``time_ns`` is when it says it was published, None where it does not."""

    time_ns: int | None
    news_id: str
    headline: str
    body: str
    url: str

    @property
    def mark(self) -> str:
        """Eight digits that change when the entry does."""
        text = "\x1f".join(map(str, self))
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


class NewsSource(WebSource):
    """News of a feed: RSS 2.0 and 1.0, Atom, or JSON Feed 1.1.

    Written from their specifications and shown against a local server. The symbol is the feed's
    address, or any name where the address is the base URL. What a feed holds when it is read first
    counts as known when it was published; what turns up later was known when it was read, for a feed
    may date things back. A feed holds its newest entries alone: read it often.

    Parameters
    ----------
    setup : Setup
        The address, where the symbol is a name.
    patience : Patience, optional
        How long it is asked again.
    now_ns : callable
        This machine's clock, UTC nanoseconds.

    Examples
    --------
    >>> NewsSource(Setup())
    NewsSource(news: news; unverified)
    """

    offer = Offer(
        "news",
        frozenset({"news"}),
        is_verified=False,
        note="RSS, Atom and JSON feeds, by their address; written from their specifications",
    )

    def __init__(
        self,
        setup: Setup,
        *,
        patience: Patience | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._setup, self._now = setup, now_ns
        web = Web(
            "news",
            "",
            setup,
            patience=patience,
            follows=True,
            now_s=lambda: now_ns() / 1e9,
        )
        super().__init__(web, has_key=False)

    def estimate(self, want: Want) -> Estimate:
        """Tell what an answer will cost."""
        self._address(want)
        return Estimate(1, None, "the entries that the feed holds now")

    def pages(self, want: Want) -> Iterator[Page]:
        """Give the entries of the feed that have not been given, oldest first, in one page.

        Raises
        ------
        SourceError
            It could not be read, or is no feed.
        """
        import polars as pl

        address, what = self._address(want), f"the feed {want.key.symbol}"
        answer = self._web.get(address, what=what)
        if answer.status != 200:
            raise self._web.bad(
                what, f"gave status {answer.status}", "check its address",
                trouble=Trouble.UNKNOWN_SYMBOL if answer.status in (404, 410) else Trouble.NO_PERMISSION,
            )  # fmt: skip
        items = self._items(answer.body, what)
        now_ns = self._now()
        known = set(want.cursor.split(",")) if want.cursor else set()
        rows = {}
        for item in items:
            if item.mark in known:
                continue
            time_ns = now_ns if item.time_ns is None else item.time_ns
            seen = max(time_ns, now_ns) if want.cursor else time_ns
            rows[(time_ns, item.news_id)] = (time_ns, seen, *item[1:])
        begin = want.start_ns if want.start_ns is not None else -(2**63)
        kept = [row for _, row in sorted(rows.items()) if begin <= row[0] < want.stop_ns]
        frame = pl.DataFrame(
            kept,
            schema={"time_ns": pl.Int64, "known_ns": pl.Int64, "news_id": pl.String,
                    "headline": pl.String, "body": pl.String, "url": pl.String},
            orient="row",
        )  # fmt: skip
        marks = [item.mark for item in items][:_REMEMBERED]
        yield Page(frame, ",".join(marks) or want.cursor, want.stop_ns)

    def _address(self, want: Want) -> str:
        self._check_kind(want)
        address = self._setup.base_url or want.key.symbol
        if not address.startswith(("http://", "https://")):
            raise self._web.bad(
                f"the feed {want.key.symbol}", "has no address",
                "name it by its address, https://..., or give that as --base-url",
                trouble=Trouble.UNKNOWN_SYMBOL,
            )  # fmt: skip
        return address

    def _items(self, body: bytes, what: str) -> list[Item]:
        if body.lstrip()[:1] == b"{":
            try:
                return _of_json(json.loads(body))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise self._not_a_feed(what, f"is no JSON Feed: {error!r}") from None
        if b"<!ENTITY" in body:
            raise self._not_a_feed(what, "declares entities, which no feed needs")
        return self._of_xml(body, what)

    def _of_xml(self, body: bytes, what: str) -> list[Item]:
        try:
            import feedparser
        except ImportError:
            raise self._web.bad(
                what, "needs the package feedparser", "pip install 'peak-trade[sources]'",
                trouble=Trouble.NOT_OFFERED,
            ) from None  # fmt: skip
        # A stream: text or bytes could be taken for a name of a file or of another address.
        parsed = feedparser.parse(io.BytesIO(body))
        if not parsed.get("version"):
            raise self._not_a_feed(what, "is neither RSS nor Atom")
        return [_of_entry(entry) for entry in parsed.entries]

    def _not_a_feed(self, what: str, said: str) -> SourceError:
        return self._web.bad(what, said, "check that the address is the feed's, not its page's")


def _of_entry(entry: "dict[str, object]") -> Item:
    stamp = entry.get("published_parsed") or entry.get("updated_parsed")
    time_ns = None if stamp is None else calendar.timegm(stamp) * _SECOND_NS  # type: ignore[arg-type]
    contents = entry.get("content")
    body = str(entry.get("summary") or "")
    if isinstance(contents, Sequence) and contents and isinstance(contents[0], dict):
        body = str(contents[0].get("value") or body)
    url = str(entry.get("link") or "")
    headline = str(entry.get("title") or "")
    return _item(time_ns, str(entry.get("id") or ""), headline, body, url)


def _of_json(feed: "dict[str, object]") -> list[Item]:
    if not str(feed["version"]).startswith("https://jsonfeed.org/version/"):
        raise ValueError(f"version {feed['version']!r}")
    items = feed["items"]
    if not isinstance(items, list):
        raise TypeError("items are no list")
    return [_of_json_item(item) for item in items]


def _of_json_item(item: "dict[str, object]") -> Item:
    text = item.get("date_published") or item.get("date_modified")
    time_ns = None
    if text:
        moment = datetime.fromisoformat(str(text))
        stamp = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        time_ns = int(stamp.timestamp()) * _SECOND_NS
    body = str(item.get("content_text") or item.get("content_html") or item.get("summary") or "")
    url = str(item.get("url") or item.get("external_url") or "")
    return _item(time_ns, str(item.get("id") or ""), str(item.get("title") or ""), body, url)


def _item(time_ns: int | None, news_id: str, headline: str, body: str, url: str) -> Item:
    named = news_id or url or hashlib.blake2b(headline.encode(), digest_size=8).hexdigest()
    return Item(
        time_ns, named, headline.strip() or body.strip()[:120], body.strip()[:_MOST_BODY], url
    )
