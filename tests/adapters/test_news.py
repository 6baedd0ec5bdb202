"""Feeds of news against a local server: RSS, Atom and JSON Feed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from peak_trade.adapters.news import NewsSource
from peak_trade.adapters.patience import Patience
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Page, Setup, SourceError, Trouble, Want

QUICK = Patience(attempts=2, first_wait_s=0.0, longest_wait_s=0.0)

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>
<item><title>Second</title><link>http://a/2</link><guid>g2</guid>
<pubDate>Tue, 02 Jan 2024 10:00:00 -0500</pubDate><description>two</description></item>
<item><title>First</title><link>http://a/1</link><guid>g1</guid>
<pubDate>Mon, 01 Jan 2024 10:00:00 GMT</pubDate><description>one &amp; only</description></item>
</channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>
<entry><title>Second</title><id>g2</id><link href="http://a/2"/>
<published>2024-01-02T10:00:00-05:00</published><content type="text">two</content></entry>
<entry><title>First</title><id>g1</id><link href="http://a/1"/>
<updated>2024-01-01T10:00:00Z</updated><summary>one &amp; only</summary></entry></feed>"""
JSON = """{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [
{"id": "g2", "url": "http://a/2", "title": "Second", "content_text": "two",
 "date_published": "2024-01-02T10:00:00-05:00"},
{"id": "g1", "url": "http://a/1", "title": "First", "content_html": "one & only",
 "date_published": "2024-01-01T10:00:00Z"}]}"""
FIRST = int(datetime(2024, 1, 1, 10, tzinfo=UTC).timestamp()) * 10**9
SECOND = int(datetime(2024, 1, 2, 15, tzinfo=UTC).timestamp()) * 10**9
NOW = int(datetime.now(UTC).timestamp()) * 10**9


@pytest.fixture
def source() -> Iterator[NewsSource]:
    with NewsSource(Setup(is_clock_checked=False), patience=QUICK, now_ns=lambda: NOW) as made:
        yield made


def _page(source: NewsSource, httpserver: HTTPServer, cursor: str = "") -> Page:
    key = SeriesKey("news", "news", httpserver.url_for("/feed"))
    (page,) = source.pages(Want(key, None, 2**62, cursor))
    return page


@pytest.mark.parametrize("text", [RSS, ATOM, JSON], ids=["rss", "atom", "json"])
def test_feed_gives_its_entries_oldest_first(
    source: NewsSource, httpserver: HTTPServer, text: str
) -> None:
    httpserver.expect_request("/feed").respond_with_data(text)
    page = _page(source, httpserver)
    assert page.rows.rows() == [
        (FIRST, FIRST, "g1", "First", "one & only", "http://a/1"),
        (SECOND, SECOND, "g2", "Second", "two", "http://a/2"),
    ]


def test_entry_that_turns_up_later_was_known_when_it_was_read(
    source: NewsSource, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/feed").respond_with_data(RSS)
    late = RSS.replace("<item><title>Second", "<item><title>Back-dated</title><guid>g0</guid>"
                       "<pubDate>Mon, 01 Jan 2024 09:00:00 GMT</pubDate></item>"
                       "<item><title>Second", 1)  # fmt: skip
    httpserver.expect_ordered_request("/feed").respond_with_data(late)
    httpserver.expect_ordered_request("/feed").respond_with_data(late.replace("two", "corrected"))
    first = _page(source, httpserver)
    second = _page(source, httpserver, first.cursor)
    assert [(row[1], row[2]) for row in second.rows.rows()] == [(NOW, "g0")]
    third = _page(source, httpserver, second.cursor)
    assert [(row[0], row[1], row[4]) for row in third.rows.rows()] == [(SECOND, NOW, "corrected")]


def test_feed_without_dates_dates_by_when_it_was_read(
    source: NewsSource, httpserver: HTTPServer
) -> None:
    bare = '<rss version="2.0"><channel><item><title>Only</title></item></channel></rss>'
    httpserver.expect_request("/feed").respond_with_data(bare)
    assert [row[:2] for row in _page(source, httpserver).rows.rows()] == [(NOW, NOW)]


BOMB = """<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<rss version="2.0"><channel><item><title>&b;</title></item></channel></rss>"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html><body>no feed</body></html>", "neither RSS nor Atom"),
        ('{"items": []}', "no JSON Feed"),
        ('{"version": "https://jsonfeed.org/version/1", "items": [3]}', "no JSON Feed"),
        (BOMB, "declares entities"),
        ("", "neither RSS nor Atom"),
    ],
)
def test_what_is_no_feed_is_refused(
    source: NewsSource, httpserver: HTTPServer, text: str, said: str
) -> None:
    httpserver.expect_request("/feed").respond_with_data(text)
    with pytest.raises(SourceError, match=said) as caught:
        _page(source, httpserver)
    assert caught.value.trouble is Trouble.BAD_ANSWER


def test_body_that_names_a_file_is_not_opened(
    source: NewsSource, httpserver: HTTPServer, tmp_path: Path
) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(RSS)
    httpserver.expect_request("/feed").respond_with_data(str(path))
    with pytest.raises(SourceError, match="neither RSS nor Atom"):
        _page(source, httpserver)


def test_answer_without_end_is_not_read(
    source: NewsSource, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peak_trade.adapters.web.MOST_BYTES", 1 << 20)
    httpserver.expect_request("/feed").respond_with_data(b"x" * (2 << 20))
    with pytest.raises(SourceError, match="answered more than 1 MiB"):
        _page(source, httpserver)


def test_feed_that_is_gone_or_has_no_address_is_unknown(
    source: NewsSource, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data("gone", status=404)
    with pytest.raises(SourceError, match="gave status 404") as caught:
        _page(source, httpserver)
    assert caught.value.trouble is Trouble.UNKNOWN_SYMBOL
    with pytest.raises(SourceError, match="name it by its address"):
        list(source.pages(Want(SeriesKey("news", "news", "fed"), None, 2**62)))


def test_feed_that_moved_is_followed(source: NewsSource, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data(
        "", status=301, headers={"Location": httpserver.url_for("/new")}
    )
    httpserver.expect_request("/new").respond_with_data(RSS)
    assert _page(source, httpserver).rows.height == 2
