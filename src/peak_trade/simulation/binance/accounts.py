"""What accounts own, what their trades cost, and how many orders they have placed."""

import zlib
from decimal import Decimal

from peak_trade.simulation.binance.decimals import text_of
from peak_trade.simulation.binance.order_shapes import MILLISECOND_NS, Json, venue_symbol_of
from peak_trade.simulation.binance.venue import Call, Venue
from peak_trade.simulation.market.listing import Listing

PPM = Decimal(1_000_000)


def account_status(venue: Venue, call: Call) -> Json:
    """What the account owns, and what its trades cost."""
    account = venue.account(call)
    leaves_out = call.params.is_true("omitZeroBalances")
    listing = next(iter(venue.market.listings.values()))
    changed = max((order.changed_ns for order in account.orders), default=0)
    balances = [venue.balance(account, asset) for asset in venue.market.decimals]
    return {
        "makerCommission": listing.maker_ppm // 100,
        "takerCommission": listing.taker_ppm // 100,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates_of(listing)
        | {"buyer": text_of(Decimal(0)), "seller": text_of(Decimal(0))},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": changed // MILLISECOND_NS,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": free, "locked": locked}
            for asset, free, locked in balances
            if not (leaves_out and Decimal(free) == Decimal(locked) == 0)
        ],
        "permissions": ["SPOT"],
        "uid": zlib.crc32(account.name.encode()),
    }


def rates_of(listing: Listing) -> Json:
    """What a symbol's trades cost, as fractions of their value."""
    return {
        "maker": text_of(listing.maker_ppm / PPM),
        "taker": text_of(listing.taker_ppm / PPM),
    }


def no_discount() -> Json:
    """Fees are not paid in BNB, and not less for it."""
    return {
        "enabledForAccount": False,
        "enabledForSymbol": False,
        "discountAsset": "BNB",
        "discount": text_of(Decimal(0)),
    }


def commission(venue: Venue, call: Call) -> Json:
    """What the account's trades of a symbol cost."""
    listing = venue.listing(call.params)
    none = dict.fromkeys(("maker", "taker", "buyer", "seller"), text_of(Decimal(0)))
    return {
        "symbol": venue_symbol_of(listing),
        "standardCommission": none | rates_of(listing),
        "specialCommission": none,
        "taxCommission": none,
        "discount": no_discount(),
    }


def order_counts(venue: Venue, call: Call) -> list[Json]:
    """How many orders the account has placed that count against its limits."""
    return venue.limits.order_counts(venue.account(call).name, venue.wall_s)


def coins(venue: Venue, call: Call) -> list[Json]:
    """The account's coins, as the wallet lists them; nothing can be paid in or out."""
    account = venue.account(call)
    found = []
    for asset in venue.market.decimals:
        _, free, locked = venue.balance(account, asset)
        found.append(
            {
                "coin": asset,
                "name": asset,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "free": free,
                "locked": locked,
                "freeze": text_of(Decimal(0)),
                "withdrawing": text_of(Decimal(0)),
                "ipoing": text_of(Decimal(0)),
                "ipoable": text_of(Decimal(0)),
                "storage": text_of(Decimal(0)),
                "isLegalMoney": False,
                "trading": True,
                "networkList": [],
            }
        )
    return found


def margin_pairs(_: Venue, __: Call) -> list[Json]:
    """Pairs that trade on margin: none."""
    return []


def trade_fees(venue: Venue, call: Call) -> list[Json]:
    """What trades cost, by symbol, as the wallet lists it."""
    all_ = list(venue.market.listings.values())
    chosen = [venue.listing(call.params)] if "symbol" in call.params else all_
    return [
        {
            "symbol": venue_symbol_of(listing),
            "makerCommission": f"{(listing.maker_ppm / PPM).normalize():f}",
            "takerCommission": f"{(listing.taker_ppm / PPM).normalize():f}",
        }
        for listing in chosen
    ]
