"""Faults planted in the matcher: the comparison with its twin finds every one of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from execution.match_scenes import difference

from peak_trade.execution import bar_matching, meeting, working
from peak_trade.execution.bar_matching import BarMatching
from peak_trade.execution.working import Register, Working
from peak_trade.kernels import match

Plant = Callable[[pytest.MonkeyPatch], None]
SEEDS = range(1500)


def _touch_counts_as_through(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(match, "trades_through", lambda side, limit, tick, touch: limit)


def _through_is_ignored_by_touch(patch: pytest.MonkeyPatch) -> None:
    original = match.trades_through
    patch.setattr(
        match, "trades_through", lambda s, limit, tick, t: original(s, limit, tick, False)
    )


def _gap_fills_a_stop_at_its_trigger(patch: pytest.MonkeyPatch) -> None:
    original = meeting.trigger
    patch.setattr(meeting, "trigger", lambda r, w, price, spot: original(r, w, w.trigger, spot))


def _gap_fills_a_limit_at_its_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(match, "limit_price", lambda side, limit, price: limit)


def _group_is_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Register, "_others", lambda self, w, lots, time_ns: None)


def _partial_fill_leaves_the_group_whole(patch: pytest.MonkeyPatch) -> None:
    original = Register._others

    def only_full(self: Register, w: Working, lots: int, time_ns: int) -> None:
        if w.filled >= w.lots:
            original(self, w, lots, time_ns)

    patch.setattr(Register, "_others", only_full)


def _time_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Register, "expire", lambda self, now_ns, instrument=None: None)


def _end_inside_a_bar_is_ignored(patch: pytest.MonkeyPatch) -> None:
    original = BarMatching.inside

    def inside(self: BarMatching, bar: bar_matching.BarSeen) -> None:
        ends = [(w, w.ends_ns) for w in self._register]
        for w, _ in ends:
            w.ends_ns = max(w.ends_ns, bar.close_ns)
        original(self, bar)
        for w, end in ends:
            w.ends_ns = end

    patch.setattr(BarMatching, "inside", inside)


def _post_only_is_ignored(patch: pytest.MonkeyPatch) -> None:
    original = meeting.come_to_rest

    def rest(register: Register, w: Working, price: float, spot: meeting.Spot) -> None:
        w.order = replace(w.order, post_only=False)
        original(register, w, price, spot)

    patch.setattr(meeting, "come_to_rest", rest)


def _volume_is_bounded_by_order(patch: pytest.MonkeyPatch) -> None:
    def unbounded(original: Callable[..., None]) -> Callable[..., None]:
        def fill(register: Register, w: Working, price: float, spot: meeting.Spot) -> None:
            room = spot.room
            original(register, w, price, spot)
            spot.room = room

        return fill

    for module, name in ((meeting, "take"), (meeting, "give"), (bar_matching, "give")):
        patch.setattr(module, name, unbounded(getattr(module, name)))


def _volume_is_bounded_by_leg(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BarMatching, "_keep", lambda self, bar, spot: None)


def _trailing_moves_inside_the_bar(patch: pytest.MonkeyPatch) -> None:
    original = BarMatching.inside

    def inside(self: BarMatching, bar: bar_matching.BarSeen) -> None:
        for w in self._register.of(bar.instrument):
            if w.kind == match.TRAILING_STOP and w.stance == working.WAITS and w.has_arrived:
                w.follow(bar.high, bar.low)
        original(self, bar)

    patch.setattr(BarMatching, "inside", inside)


def _trailing_moves_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(match, "nearer_trigger", lambda side, now, moved: moved)


def _reduce_only_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(match, "reducing_lots", lambda held, lots: lots)


def _whole_fills_in_parts(patch: pytest.MonkeyPatch) -> None:
    original = Working.__init__

    def init(self: Working, *args: object, **named: object) -> None:
        original(self, *args, **named)  # type: ignore[arg-type]
        self.fills_whole = False

    patch.setattr(Working, "__init__", init)


def _immediate_rests(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(meeting, "end_rest", lambda register, w, time_ns: None)


def _latency_is_ignored(patch: pytest.MonkeyPatch) -> None:
    original = Working.__init__

    def init(self: Working, *args: object, **named: object) -> None:
        original(self, *args, **named)  # type: ignore[arg-type]
        self.active_ns = self.order.decided_ns

    patch.setattr(Working, "__init__", init)


def _cancel_needs_no_time(patch: pytest.MonkeyPatch) -> None:
    original = Register.end_later
    patch.setattr(Register, "end_later", lambda self, w, when_ns, why: original(self, w, 0, why))


def _best_extreme_comes_first(patch: pytest.MonkeyPatch) -> None:
    original = match.goes_up_first
    patch.setattr(match, "goes_up_first", lambda held, *prices: not original(held, *prices))


def _child_works_for_all_at_once(patch: pytest.MonkeyPatch) -> None:
    def left(self: Working) -> int:
        return 0 if self.sleeps else self.lots - self.filled - self.cut

    patch.setattr(Working, "left", property(left))


def _child_does_not_wait(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Working, "left", property(lambda self: self.lots - self.filled - self.cut))


def _end_of_a_parent_cuts_twice(patch: pytest.MonkeyPatch) -> None:
    def left(self: Working) -> int:
        most = self.lots if self.parent is None else min(self.lots, self.parent.filled)
        return most - self.filled - self.cut

    patch.setattr(Working, "left", property(left))


def _path_ends_at_its_last_extreme(patch: pytest.MonkeyPatch) -> None:
    original = BarMatching._leg

    def leg(
        self: BarMatching,
        working: list[Working],
        price: float,
        end: float,
        spot: meeting.Spot,
        bar: bar_matching.BarSeen,
    ) -> float:
        is_last = (
            end == bar.close and price in (bar.high, bar.low) and end not in (bar.high, bar.low)
        )
        return end if is_last else original(self, working, price, end, spot, bar)

    patch.setattr(BarMatching, "_leg", leg)


def _acceptance_comes_before_the_path(patch: pytest.MonkeyPatch) -> None:
    original = BarMatching._leg

    def leg(self: BarMatching, working: list[Working], *rest: object) -> float:
        end = 0.0
        for w in working:
            end = original(self, [w], *rest)  # type: ignore[arg-type]
        return end

    patch.setattr(BarMatching, "_leg", leg)


def _takers_count_as_makers(patch: pytest.MonkeyPatch) -> None:
    original = Register.fill

    def fill(self: Register, w: Working, lots: int, price: float, **said: object) -> int:
        return original(self, w, lots, price, **(said | {"rests": True}))  # type: ignore[arg-type]

    patch.setattr(Register, "fill", fill)


FAULTS: tuple[Plant, ...] = (
    _touch_counts_as_through,
    _through_is_ignored_by_touch,
    _gap_fills_a_stop_at_its_trigger,
    _gap_fills_a_limit_at_its_limit,
    _group_is_left,
    _partial_fill_leaves_the_group_whole,
    _time_is_ignored,
    _end_inside_a_bar_is_ignored,
    _post_only_is_ignored,
    _volume_is_bounded_by_order,
    _volume_is_bounded_by_leg,
    _trailing_moves_inside_the_bar,
    _trailing_moves_away,
    _reduce_only_is_ignored,
    _whole_fills_in_parts,
    _immediate_rests,
    _latency_is_ignored,
    _cancel_needs_no_time,
    _best_extreme_comes_first,
    _child_works_for_all_at_once,
    _child_does_not_wait,
    _end_of_a_parent_cuts_twice,
    _path_ends_at_its_last_extreme,
    _acceptance_comes_before_the_path,
    _takers_count_as_makers,
)


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__.strip("_"))
def test_matching_with_a_planted_fault_parts_from_its_twin(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert difference(SEEDS) != ""
