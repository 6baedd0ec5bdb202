"""What every source of market data must do, whatever it is the source of.

Subclass :class:`SourceContract` and give it a ``world``: a server on this machine with the source's
documented shapes, what is true there, and ways to make it fail.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from peak_trade.data.fetch import fetch
from peak_trade.data.series import SeriesKey
from peak_trade.data.source import Page, Setup, Source, SourceError, Trouble, Want
from peak_trade.data.store import Store

KEY, SECRET = "rehearsal-key-of-nobody", "cmVoZWFyc2FsLXNlY3JldC1vZi1ub2JvZHk="


@dataclass
class World:
    """A source's server, and what is true there.

    Attributes
    ----------
    url : str
        Its address on this machine.
    make : callable
        Makes the source with a setup, patient for moments alone.
    key : SeriesKey
        A series that it has.
    start_ns, stop_ns : int
        A range of it that takes several pages.
    truth : polars.DataFrame
        Its rows in that range, told without the source's code.
    unknown : SeriesKey
        One of a symbol that it does not have.
    fail : callable
        Has the next ``count`` answers with data be of this status, body and headers; a count of
        -1 all of them.
    repeat : callable
        Has every answer with data be the first one from now on.
    asked : callable
        How often it was asked for data.
    environment : dict
        Where the source finds its keys.
    """

    url: str
    make: Callable[[Setup], Source]
    key: SeriesKey
    start_ns: int
    stop_ns: int
    truth: pl.DataFrame
    unknown: SeriesKey
    fail: Callable[[int, int, str, dict[str, str]], None]
    repeat: Callable[[], None]
    asked: Callable[[], int]
    environment: dict[str, str] = field(default_factory=dict)
    dead_url: str = "http://127.0.0.1:9"

    @property
    def want(self) -> Want:
        return Want(self.key, self.start_ns, self.stop_ns)


def rows_of(pages: list[Page], key: SeriesKey) -> pl.DataFrame:
    frames = [page.rows for page in pages if page.rows.height]
    return pl.concat(frames) if frames else pl.DataFrame(schema=key.shape.schema())


def same(found: pl.DataFrame, truth: pl.DataFrame) -> None:
    """The rows are the true ones, in order, in every column that both have."""
    columns = [name for name in truth.columns if name in found.columns]
    assert found.height == truth.height
    for name in columns:
        off = (found[name].ne_missing(truth[name])).to_numpy().nonzero()[0]
        assert not len(off), (name, len(off), found[int(off[0])], truth[int(off[0])])


class SourceTruths:
    """What holds while nothing fails; a subclass gives the fixture ``world``."""

    @pytest.fixture
    def world(self) -> World:
        raise AssertionError("a subclass gives a world")

    @pytest.fixture
    def source(self, world: World) -> Iterator[Source]:
        with closing(self.made(world)) as source:
            yield source

    @staticmethod
    def made(world: World, url: str = "") -> Source:
        return world.make(Setup(base_url=url or world.url, environment=world.environment))

    def test_pages_are_the_truth_oldest_first_without_overlap(
        self, world: World, source: Source
    ) -> None:
        pages = list(source.pages(world.want))
        assert sum(page.rows.height > 0 for page in pages) > 1
        rows = rows_of(pages, world.key)
        keys = list(world.key.shape.key)
        assert rows.select(keys).equals(rows.select(keys).sort(keys))
        assert not rows.select(keys).is_duplicated().any()
        same(rows, world.truth)

    def test_pages_reach_the_end_and_never_back(self, world: World, source: Source) -> None:
        reached = [page.reached_ns for page in source.pages(world.want)]
        assert reached == sorted(reached)
        assert reached[-1] == world.stop_ns

    def test_what_a_page_says_it_reached_has_been_given(self, world: World, source: Source) -> None:
        time, given = world.key.shape.time, 0
        for page in source.pages(world.want):
            given += page.rows.height
            assert given >= world.truth.filter(pl.col(time) < page.reached_ns).height

    def test_a_range_inside_gives_its_rows_alone(self, world: World, source: Source) -> None:
        time = world.key.shape.time
        third = world.truth.height // 3
        start, stop = (int(world.truth[time][k]) for k in (third, 2 * third))
        rows = rows_of(list(source.pages(Want(world.key, start, stop))), world.key)
        same(rows, world.truth.filter(pl.col(time) >= start, pl.col(time) < stop))

    def test_a_range_without_rows_gives_none(self, world: World, source: Source) -> None:
        time = world.key.shape.time
        gap = world.truth[time].diff().arg_max()
        start, stop = int(world.truth[time][gap - 1]) + 1, int(world.truth[time][gap])
        pages = list(source.pages(Want(world.key, start, stop)))
        assert sum(page.rows.height for page in pages) == 0

    def test_going_on_by_cursor_gives_what_one_go_gives(self, world: World) -> None:
        with closing(self.made(world)) as first:
            walk = first.pages(world.want)
            begun = [next(walk), next(walk)]
            walk.close()
        mark = begun[-1]
        with closing(self.made(world)) as second:
            rest = list(second.pages(Want(world.key, mark.reached_ns, world.stop_ns, mark.cursor)))
        same(rows_of([*begun, *rest], world.key), world.truth)

    def test_an_unknown_symbol_is_told(self, world: World, source: Source) -> None:
        with pytest.raises(SourceError) as caught:
            list(source.pages(Want(world.unknown, world.start_ns, world.stop_ns)))
        assert caught.value.trouble is Trouble.UNKNOWN_SYMBOL
        assert world.unknown.symbol in str(caught.value)
        assert caught.value.hint

    def test_a_kind_that_is_not_offered_is_told(self, world: World, source: Source) -> None:
        kind = next(
            kind for kind in ("quotes", "news", "book", "actions") if kind not in source.kinds
        )
        key = SeriesKey(kind, world.key.venue, world.key.symbol)
        with pytest.raises(SourceError) as caught:
            list(source.pages(Want(key, world.start_ns, world.stop_ns)))
        assert caught.value.trouble is Trouble.NOT_OFFERED

    def test_an_estimate_is_no_lower_than_what_it_takes(self, world: World, source: Source) -> None:
        told = source.estimate(world.want)
        before = world.asked()
        list(source.pages(world.want))
        assert told.calls is None or told.calls >= world.asked() - before - 1

    def test_a_fetch_keeps_the_truth_and_asks_nothing_twice(
        self, world: World, source: Source, tmp_path: Path
    ) -> None:
        store = Store.open(tmp_path / "store")
        done = fetch(source, store, world.want, commit_rows=1)
        assert done.added == world.truth.height
        assert done.asked == ((world.start_ns, world.stop_ns),)
        same(store.read(world.key), world.truth)
        before = world.asked()
        again = fetch(source, store, world.want)
        assert (again.asked, again.added, world.asked()) == ((), 0, before)

    def test_a_fetch_that_broke_off_goes_on(self, world: World, tmp_path: Path) -> None:
        store = Store.open(tmp_path / "store")

        def stop(progress: object) -> None:
            raise KeyboardInterrupt

        with closing(self.made(world)) as source, pytest.raises(KeyboardInterrupt):
            fetch(source, store, world.want, on_progress=stop)
        kept = store.read(world.key)
        assert 0 < kept.height < world.truth.height
        with closing(self.made(world)) as source:
            done = fetch(source, Store.open(tmp_path / "store"), world.want)
        assert done.added == world.truth.height - kept.height
        assert done.asked[0][0] > world.start_ns
        same(Store.open(tmp_path / "store").read(world.key), world.truth)


class SourceContract(SourceTruths):
    """What holds whatever fails; a subclass gives the fixture ``world``."""

    def test_an_unreachable_source_is_told(self, world: World) -> None:
        with (
            closing(self.made(world, world.dead_url)) as source,
            pytest.raises(SourceError) as caught,
        ):
            list(source.pages(world.want))
        assert caught.value.trouble is Trouble.UNREACHABLE
        assert caught.value.hint

    def test_a_passing_fault_of_the_server_is_asked_again(
        self, world: World, source: Source
    ) -> None:
        world.fail(2, 503, "{}", {})
        same(rows_of(list(source.pages(world.want)), world.key), world.truth)

    def test_a_lasting_fault_of_the_server_is_told(self, world: World, source: Source) -> None:
        world.fail(-1, 502, "<html>Bad Gateway</html>", {})
        with pytest.raises(SourceError) as caught:
            list(source.pages(world.want))
        assert caught.value.trouble is Trouble.UNREACHABLE
        assert world.asked() < 20

    def test_a_limit_is_waited_for_as_asked(self, world: World, source: Source) -> None:
        world.fail(1, 429, "{}", {"Retry-After": "0"})
        same(rows_of(list(source.pages(world.want)), world.key), world.truth)

    def test_a_limit_that_asks_for_too_long_is_told_at_once(
        self, world: World, source: Source
    ) -> None:
        world.fail(-1, 429, "{}", {"Retry-After": "7200"})
        with pytest.raises(SourceError) as caught:
            list(source.pages(world.want))
        assert caught.value.trouble is Trouble.LIMIT_REACHED
        assert world.asked() == 1

    def test_an_answer_cut_short_is_asked_again(self, world: World, source: Source) -> None:
        world.fail(1, 200, '{"error":[],"result":{"X', {})
        same(rows_of(list(source.pages(world.want)), world.key), world.truth)

    @pytest.mark.parametrize(
        "body", ["<html>Please log in</html>", '{"a": 1}', "[[1]]", "", "null"]
    )
    def test_an_answer_of_another_shape_is_told(
        self, world: World, source: Source, body: str
    ) -> None:
        world.fail(-1, 200, body, {})
        with pytest.raises(SourceError) as caught:
            list(source.pages(world.want))
        assert caught.value.trouble is Trouble.BAD_ANSWER
        assert world.asked() < 20

    def test_a_page_that_comes_again_ends_the_walk(self, world: World, source: Source) -> None:
        world.repeat()
        with pytest.raises(SourceError) as caught:
            list(source.pages(world.want))
        assert caught.value.trouble is Trouble.BAD_ANSWER
        assert world.asked() < 20

    def test_no_key_is_shown(self, world: World, source: Source) -> None:
        world.fail(-1, 403, f'{{"msg": "no: {KEY} {SECRET}"}}', {})
        with pytest.raises(SourceError) as caught:
            list(source.pages(world.want))
        shown = [repr(source), str(source), str(caught.value), repr(caught.value)]
        shown += [repr(caught.value.fields), repr(caught.value.__cause__)]
        assert world.environment, "a source without keys needs no such test"
        assert not any(KEY in text or SECRET in text for text in shown)
        assert caught.value.trouble is Trouble.NO_PERMISSION
