"""Economic series of FRED with the day on which each figure was published; written from its documentation."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peak_trade.adapters.credentials import Credentials
from peak_trade.adapters.patience import Patience
from peak_trade.adapters.web import Answer, Web
from peak_trade.adapters.web_source import WebSource
from peak_trade.data.source import Estimate, Offer, Page, Setup, Trouble, Want
from peak_trade.domain.calendar import DAY_NS

if TYPE_CHECKING:
    import polars as pl

PAGE = 100_000
"""Observations in a full page."""

VINTAGES = 1_000
"""Days of publication that are asked for at once; FRED refuses more than 2,000."""

_PACE_S = 0.5  # 120 calls a minute
_CENTRAL = ZoneInfo("America/Chicago")
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = "1776-07-04", "9999-12-31"


class FredSource(WebSource):
    """Economic series of the Federal Reserve Bank of St. Louis, as each figure was known at the time.

    Written from its documentation and shown against a server of the documented shapes, not against
    the service. A row is a figure for a period that begins at ``time_ns`` (00:00 UTC of its date),
    with the time from which it was known: FRED tells the day alone, so ``known_ns`` is the end of
    that day in Chicago, never too early. A revision is a further row. What FRED calls missing is
    left out; a figure that it withdraws is a further row of NaN. A series is called as there, such as ``CPIAUCSL``. Not to be shared by threads.

    Parameters
    ----------
    setup : Setup
        Where it is reached, and where its key is.
    patience : Patience, optional
        How long it is asked again.
    now_ns : callable
        This machine's clock, UTC nanoseconds.

    Examples
    --------
    >>> FredSource(Setup())
    FredSource(fred: series; unverified; no key)
    """

    offer = Offer(
        "fred",
        frozenset({"series"}),
        is_verified=False,
        keys=Credentials.names("fred")[:1],
        note="written from its documentation; every revision with its day",
    )

    def __init__(
        self,
        setup: Setup,
        *,
        patience: Patience | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        keys = Credentials.read("fred", setup.environment)
        web = Web(
            "fred",
            "https://api.stlouisfed.org",
            setup,
            keys=keys,
            secret={"api_key": keys.key} if keys.key else {},
            pace_s=_PACE_S,
            patience=patience,
            now_s=lambda: now_ns() / 1e9,
        )
        super().__init__(web, has_key=bool(keys.key))

    def estimate(self, want: Want) -> Estimate:
        """Tell what an answer will cost."""
        self._check_kind(want)
        return Estimate(None, None, "a call for its days of publication, and one for each 1,000")

    def pages(self, want: Want) -> Iterator[Page]:
        """Give every figure with the time it was known from, the first publications first.

        A page holds the figures of some days of publication, in the order of their periods. The
        cursor is the last day that was read: what was published later is given when it is handed in.

        Raises
        ------
        SourceError
            It could not be asked, does not know the series, or the key may not read it.
        """
        self._check_kind(want)
        self._check_key(want)
        days = self._vintages(want)
        if not days:
            yield Page(_frame([]), want.cursor, want.stop_ns)
            return
        for k in range(0, len(days), VINTAGES):
            part = days[k : k + VINTAGES]
            end = _LAST if k + VINTAGES >= len(days) else part[-1]
            eve = _eve(part[0]) if k or want.cursor else ""
            rows = self._figures(want, part, end, eve=eve)
            is_last = k + VINTAGES >= len(days)
            yield Page(rows, part[-1], want.stop_ns if is_last else want.start_ns or 0)

    # --- steps -----------------------------------------------------------------------------------

    def _vintages(self, want: Want) -> list[str]:
        """The days behind the cursor on which something was published, ascending."""
        query = {"series_id": want.key.symbol, "sort_order": "asc", "limit": "10000"}
        query |= {"realtime_start": _FIRST, "realtime_end": _LAST}
        days = self._all("/fred/series/vintagedates", query, "vintage_dates", str(want.key))
        texts = [str(day) for day in days]
        if texts != sorted(set(texts)):
            raise self._web.bad(str(want.key), "gave days of publication out of order")
        return [day for day in texts if day > want.cursor]

    def _figures(self, want: Want, days: Sequence[str], end: str, *, eve: str) -> "pl.DataFrame":
        """The figures that were published on some days.

        What was known before is told again as of the first of the days: what was so on its eve
        already is left out.
        """
        query = {"series_id": want.key.symbol, "sort_order": "asc", "limit": str(PAGE)}
        query |= {"realtime_start": days[0], "realtime_end": end, "output_type": "1"}
        what = str(want.key)
        rows = self._all("/fred/series/observations", query, "observations", what)
        stood = self._known_on(want, eve) if eve else {}
        published = set(days)
        found: list[tuple[int, int, float]] = []
        for period, known, value in sorted(self._figure(row, what) for row in rows):
            is_news = value != stood.get(period) and known in published
            if not is_news or (math.isnan(value) and math.isnan(stood.get(period, math.nan))):
                continue
            stood[period] = value
            begin = _begin_ns(period)
            if (want.start_ns is None or begin >= want.start_ns) and begin < want.stop_ns:
                found.append((begin, _end_of_day_ns(known), value))
        return _frame(sorted(found))

    def _known_on(self, want: Want, day: str) -> dict[str, float]:
        """What was known of each period on a day."""
        query = {"series_id": want.key.symbol, "sort_order": "asc", "limit": str(PAGE)}
        query |= {"realtime_start": day, "realtime_end": day, "output_type": "1"}
        rows = self._all("/fred/series/observations", query, "observations", str(want.key))
        figures = (self._figure(row, str(want.key)) for row in rows)
        return {period: value for period, _, value in figures}

    def _figure(self, row: object, what: str) -> tuple[str, str, float]:
        """The period, the first day on which it was so, and the figure; NaN is missing."""
        if not isinstance(row, dict):
            raise self._web.bad(what, f"gave an observation of another shape: {row!r:.60}")
        try:
            period, known, text = str(row["date"]), str(row["realtime_start"]), str(row["value"])
            for day in (period, known):
                date.fromisoformat(day)
            return period, known, math.nan if text == "." else float(text)
        except (KeyError, TypeError, ValueError) as error:
            raise self._web.bad(what, f"gave an observation of another shape: {error!r}") from None

    def _all(self, path: str, query: Mapping[str, str], field: str, what: str) -> list[object]:
        """Every row of a list, page after page."""
        found: list[object] = []
        while True:
            asked = {**query, "file_type": "json", "offset": str(len(found))}
            answer = self._web.get(path, asked, what=what)
            told = self._read(answer, what)
            rows, count = told.get(field), told.get("count")
            if not isinstance(rows, list) or not isinstance(count, int):
                raise self._web.bad(what, f"gave no {field}: {self._web.said(answer)}")
            found += rows
            if len(found) >= count:
                return found
            if not rows:
                raise self._web.bad(what, f"gave {len(found):,} of {count:,} {field}")

    def _read(self, answer: Answer, what: str) -> dict[str, object]:
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise self._web.bad(what, f"gave no JSON object: {self._web.said(answer)}")
        if answer.status == 200:
            return told
        said = str(told.get("error_message", ""))
        if "api_key" in said or answer.status in (401, 403):
            raise self._web.bad(
                what, f"refused: {said}", f"check {self.offer.keys[0]}",
                trouble=Trouble.NO_PERMISSION,
            )  # fmt: skip
        if answer.status in (400, 404) and "series" in said and "not exist" in said:
            raise self._web.bad(
                what, f"does not know it: {said}", "series are spelled as there, such as CPIAUCSL",
                trouble=Trouble.UNKNOWN_SYMBOL,
            )  # fmt: skip
        raise self._web.bad(what, f"gave status {answer.status}: {self._web.said(answer)}")


def _frame(rows: Sequence[tuple[int, int, float]]) -> "pl.DataFrame":
    import polars as pl

    schema = {"time_ns": pl.Int64, "known_ns": pl.Int64, "value": pl.Float64}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _eve(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _begin_ns(day: str) -> int:
    return (date.fromisoformat(day).toordinal() - _EPOCH) * DAY_NS


def _end_of_day_ns(day: str) -> int:
    """The end of a day in Chicago, where it is published, UTC nanoseconds.

    Examples
    --------
    >>> _end_of_day_ns("2024-01-11") == _begin_ns("2024-01-12") + 6 * 3_600_000_000_000
    True
    """
    following = date.fromisoformat(day) + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=_CENTRAL)
    return int(midnight.timestamp()) * 1_000_000_000
