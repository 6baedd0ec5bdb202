"""The matcher on bars: against a twin that walks them tick by tick, and its laws."""

from execution.match_scenes import LENGTH, difference, play, walk
from execution.match_twin import Plain
from hypothesis import given, settings
from hypothesis import strategies as st

from peak_trade.domain.order import OrderKind

Bar = tuple[int, int, int, int]
PRICES = st.integers(94, 106)


@st.composite
def bars(draw: st.DrawFn) -> list[Bar]:
    """Open, high, low and close, in ticks."""
    found = []
    for _ in range(draw(st.integers(1, 5))):
        opens, close = draw(PRICES), draw(PRICES)
        high = max(opens, close) + draw(st.integers(0, 4))
        low = min(opens, close) - draw(st.integers(0, 4))
        found.append((opens, high, low, close))
    return found


@st.composite
def orders(draw: st.DrawFn) -> list[Plain]:
    """Orders in the order of acceptance; some in groups, some with a parent before them."""
    found: list[Plain] = []
    for k in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from([kind.value for kind in OrderKind]))
        is_limit = kind in ("limit", "stop_limit")
        force = draw(st.sampled_from(["gtc", "gtc", "gtc", "ioc", "fok", "gtd"]))
        post = is_limit and force in ("gtc", "gtd") and draw(st.booleans())
        at = draw(st.integers(0, 3)) * LENGTH // 2
        needs_price = kind not in ("market", "trailing_stop")
        parents = [p.name for p in found if p.at <= at]
        order = Plain(
            name=f"o{k}",
            lots=draw(st.sampled_from([-5, -3, -2, -1, 1, 2, 3, 5])),
            kind=kind,
            at=at,
            price=draw(PRICES)
            if needs_price or (kind != "market" and draw(st.booleans()))
            else None,
            limit=draw(PRICES) if kind == "stop_limit" else None,
            trail=draw(st.integers(1, 5)) if kind == "trailing_stop" else None,
            force=force,
            until=at + draw(st.integers(1, 200)) if force == "gtd" else 10**9,
            post=post,
            reduce=draw(st.integers(0, 3)) == 0,
            group=draw(st.sampled_from(["", "", "g", "h"])),
            parent=draw(st.sampled_from(["", *parents])) if parents else "",
        )
        found.append(order)
    return sorted(found, key=lambda order: order.at)


@st.composite
def scenes(draw: st.DrawFn) -> dict:
    placed = draw(orders())
    return {
        "orders": placed,
        "bars": draw(bars()),
        "slip": draw(st.sampled_from([0, 0, 1])),
        "latency": draw(st.sampled_from([0, 0, 10, 70])),
        "touch": draw(st.booleans()),
        "per_bar": draw(st.sampled_from([10**9, 3, 4])),
        "cancels": draw(
            st.lists(
                st.tuples(st.integers(0, 4), st.sampled_from([o.name for o in placed])), max_size=2
            )
        ),
    }


@settings(max_examples=600, deadline=None)
@given(scenes())
def test_matcher_against_a_walk_through_every_tick_fills_the_same(scene: dict) -> None:
    fills, states, clearing = play(scene)
    expected, ends, held = walk(scene)
    assert fills == expected
    assert states == ends
    assert clearing.held == held


def test_matcher_against_the_twin_on_crowded_scenes_fills_the_same() -> None:
    assert difference(range(1500)) == ""


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_matcher_on_any_scene_keeps_its_laws(scene: dict) -> None:
    fills, states, clearing = play(scene)
    by_name = {plain.name: plain for plain in scene["orders"]}
    lots: dict[str, int] = {}
    for (name, signed, _, rests), held in zip(fills, clearing.held_before, strict=True):
        plain = by_name[name]
        lots[name] = lots.get(name, 0) + abs(signed)
        assert (signed > 0) == (plain.lots > 0)
        assert lots[name] <= abs(plain.lots)
        if plain.reduce:
            assert abs(held + signed) < abs(held)
        if plain.post:
            assert rests
        assert held * (held + signed) >= 0, "a fill crosses flat"
    assert clearing.held == sum(signed for _, signed, _, _ in fills)
    full: set[tuple[str, int]] = set()
    lots.clear()
    for name, signed, _, _ in fills:
        plain = by_name[name]
        assert (plain.group, plain.at) not in full, (
            "it traded after another of its group was filled"
        )
        lots[name] = lots.get(name, 0) + abs(signed)
        if plain.group and lots[name] == abs(plain.lots):
            full.add((plain.group, plain.at))
    for name, state in states.items():
        if by_name[name].force == "fok":
            assert lots.get(name, 0) in (0, abs(by_name[name].lots))
        if state == "filled":
            assert lots[name] == abs(by_name[name].lots)
        elif by_name[name].force in ("ioc", "fok") and by_name[name].kind in ("market", "limit"):
            assert lots.get(name, 0) < abs(by_name[name].lots)
