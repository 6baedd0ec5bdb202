"""Keys, signatures, nonces, tokens and counters, against what Kraken documents."""

import pytest

from peak_trade.domain.errors import ParameterError
from peak_trade.simulation.kraken.access import Access, KrakenError, KrakenKey, signature
from peak_trade.simulation.kraken.limits import TIERS, Counter, order_cost
from peak_trade.simulation.market.account import Account, Street
from tests.simulation.market.markets_at_hand import COIN, SECOND

# The example that Kraken's documentation publishes: no key of anybody's.
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
BODY = "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
SIGNED = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="


def access(*, tier: str = "none", can_trade: bool = True) -> Access:
    account = Account("me", [COIN], Street())
    return Access([KrakenKey("K", SECRET, "me", can_trade)], {"me": account}, TIERS[tier])


def ask(
    door: Access, nonce: int, *, name: str = "AddOrder", at: int = 0, sign: str = ""
) -> Account:
    body = f"nonce={nonce}"
    signed = sign or signature(SECRET, f"/0/private/{name}", str(nonce), body)
    return door.check(name, key="K", sign=signed, nonce=str(nonce), body=body, now_ns=at * SECOND)


def test_signature_is_the_one_that_kraken_documents() -> None:
    assert signature(SECRET, "/0/private/AddOrder", "1616492376594", BODY) == SIGNED


def test_key_never_shows_its_secret() -> None:
    assert SECRET not in repr(KrakenKey("K", SECRET, "me"))


def test_secret_that_is_not_base64_is_refused() -> None:
    with pytest.raises(ParameterError):
        KrakenKey("K", "not base 64!", "me")


def test_nonce_must_rise() -> None:
    door = access()
    assert ask(door, 5).name == "me"
    for nonce in (5, 4):
        with pytest.raises(KrakenError, match="EAPI:Invalid nonce"):
            ask(door, nonce)
    ask(door, 6)


def test_unknown_key_and_wrong_signature_are_told_apart() -> None:
    door = access()
    with pytest.raises(KrakenError, match="EAPI:Invalid key"):
        door.check("Balance", key="other", sign="", nonce="1", body="", now_ns=0)
    with pytest.raises(KrakenError, match="EAPI:Invalid signature"):
        ask(door, 1, sign=SIGNED)


def test_many_wrong_signatures_lock_a_key_out_for_a_quarter_of_an_hour() -> None:
    door = access()
    for k in range(10):
        with pytest.raises(KrakenError, match="signature"):
            ask(door, k + 1, sign="AAAA")
    with pytest.raises(KrakenError, match="EGeneral:Temporary lockout"):
        ask(door, 20, at=899)
    assert ask(door, 20, at=901).name == "me"


def test_key_without_the_permission_may_ask_but_not_trade() -> None:
    door = access(can_trade=False)
    ask(door, 1, name="Balance")
    with pytest.raises(KrakenError, match="EGeneral:Permission denied"):
        ask(door, 2, name="AddOrder")


@pytest.mark.parametrize(
    ("name", "allowed"), [("Balance", 15), ("TradesHistory", 7), ("AddOrder", 40)]
)
def test_calls_of_a_starter_are_counted_as_documented(name: str, allowed: int) -> None:
    door = access(tier="starter")
    for k in range(allowed):
        ask(door, k + 1, name=name)
    if allowed < 40:
        with pytest.raises(KrakenError, match="EAPI:Rate limit exceeded"):
            ask(door, 99, name=name)
    if allowed < 40:
        ask(door, 100, name="Balance", at=4)  # 1.32 have sunk


def test_engine_costs_are_those_of_the_table() -> None:
    ages = (1, 7, 12, 30, 60, 200, 400)
    assert [order_cost("add", age) for age in ages] == [1] * 7
    assert [order_cost("amend", age) for age in ages] == [4, 3, 2, 1, 1, 1, 1]
    assert [order_cost("edit", age) for age in ages] == [7, 6, 5, 3, 2, 1, 1]
    assert [order_cost("cancel", age) for age in ages] == [8, 6, 5, 4, 2, 1, 0]


def test_counter_sinks_with_time_and_never_below_zero() -> None:
    counter = Counter(10.0, 2.0)
    assert counter.add(10.0, 0)
    assert counter.level(3 * SECOND) == pytest.approx(4.0)
    assert counter.level(60 * SECOND) == 0.0
    assert counter.add(20.0, 0, always=True)


def test_token_lasts_a_quarter_of_an_hour_and_longer_while_it_is_used() -> None:
    door = access()
    token = door.new_token(ask(door, 1), 0)
    assert door.by_token(token, 899 * SECOND).name == "me"
    door.keep(token, 1)
    assert door.by_token(token, 2_000 * SECOND).name == "me"
    door.keep(token, -1)
    for wrong in (token, "", None, 7):
        with pytest.raises(KrakenError, match="ESession:Invalid session"):
            door.by_token(wrong, 2_000 * SECOND)
