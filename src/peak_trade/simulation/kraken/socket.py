"""The WebSocket (version 2) of the simulated Kraken: subscriptions and trading, message by message."""

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from peak_trade.simulation.kraken.access import Access, KrakenError
from peak_trade.simulation.kraken.desk import Desk, Wish, error_text, order_id
from peak_trade.simulation.kraken.feed import CHANNELS, Feed, Topic, topic_of
from peak_trade.simulation.kraken.names import made_id, stamp
from peak_trade.simulation.kraken.own import Hearing, OwnFeed
from peak_trade.simulation.kraken.private import timeout_record
from peak_trade.simulation.kraken.wire import text_of
from peak_trade.simulation.market.account import Account
from peak_trade.simulation.market.listing import AskRefusedError, Refusal
from peak_trade.simulation.market.orders import SimOrder
from peak_trade.simulation.market.service import Line

_SECOND_NS = 1_000_000_000
_IDLE_NS = 60 * _SECOND_NS
Message = Mapping[str, object]
Said = dict[str, object]


def _wrong(what: str) -> AskRefusedError:
    return AskRefusedError(Refusal.BAD_ARGUMENT, what)


def _text(params: Message, name: str) -> str:
    """A field as text; empty where it is not there."""
    found = params.get(name)
    if found is None:
        return ""
    if isinstance(found, (dict, list)):
        raise _wrong(name)
    return format(found, "f") if isinstance(found, Decimal) else str(found)


class Session:
    """What the venue knows of one WebSocket connection.

    Parameters
    ----------
    line : Line
        The connection.
    is_private : bool
        Whether it speaks of accounts; public channels are for the other address.
    now_ns : int
        When it began, by the clock of requests.
    """

    def __init__(self, line: Line, *, is_private: bool, now_ns: int) -> None:
        self.line, self.is_private = line, is_private
        self.heard_ns = self.quiet_since_ns = now_ns
        self.sent = 0
        self.is_subscribed = False


class Socket:
    """Answers the messages of WebSocket connections.

    Parameters
    ----------
    desk : Desk
        Takes orders.
    access : Access
        Knows whose a token is.
    """

    def __init__(self, desk: Desk, access: Access) -> None:
        self.desk, self.market, self._access = desk, desk.market, access
        self.feed, self.own = Feed(self.market), OwnFeed(self.market)
        self._sessions: list[Session] = []
        self._methods: Mapping[str, Callable[[Account, Message], Iterable[Said]]] = MappingProxyType(
            {
                "add_order": self._add, "amend_order": self._amend, "edit_order": self._edit,
                "cancel_order": self._cancel, "cancel_all": self._cancel_all,
                "cancel_all_orders_after": self._cancel_after, "batch_add": self._batch_add,
                "batch_cancel": self._batch_cancel,
            }
        )  # fmt: skip

    # --- connections -----------------------------------------------------------------------------

    def begin(self, line: Line, *, is_private: bool) -> Session:
        """Greet a new connection."""
        session = Session(line, is_private=is_private, now_ns=self.market.clock.wall_ns())
        self._sessions.append(session)
        line.send(
            text_of(
                {
                    "channel": "status", "type": "update",
                    "data": [
                        {
                            "version": "2.0.10", "system": "online", "api_version": "v2",
                            "connection_id": 2**63 + 97 * line.number,
                        }
                    ],
                }
            )
        )  # fmt: skip
        return session

    def end(self, session: Session) -> None:
        """A connection has gone: it hears nothing any more."""
        self._sessions.remove(session)
        self.feed.leave_all(session.line)
        for hearing in self.own.leave(session.line):
            self._access.keep(hearing.token, -1)

    def tick(self) -> list[Session]:
        """Send heartbeats where nothing else was sent for a second; gives connections to be dropped."""
        now_ns = self.market.clock.wall_ns()
        idle = []
        for session in self._sessions:
            if session.sent != session.line.sent:
                session.sent, session.quiet_since_ns = session.line.sent, now_ns
            elif session.is_subscribed and now_ns - session.quiet_since_ns >= _SECOND_NS:
                session.line.send('{"channel":"heartbeat"}')
            if not session.is_subscribed and now_ns - session.heard_ns >= _IDLE_NS:
                idle.append(session)
        return idle

    # --- messages --------------------------------------------------------------------------------

    def hear(self, session: Session, text: str) -> None:
        """Answer a message."""
        session.heard_ns = self.market.clock.wall_ns()
        came = stamp(self.market.now_ns)
        try:
            message = json.loads(text, parse_float=Decimal)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            self._say(session, {}, {"error": "Malformed request", "success": False}, came)
            return
        method = message["method"]
        if method == "ping":
            self._say(session, message, {}, came, method="pong")
        elif method in ("subscribe", "unsubscribe"):
            self._subscription(session, message, came)
        elif method in self._methods:
            self._trade(session, message, came)
        else:
            self._say(session, message, {"error": "Unsupported method", "success": False}, came)

    def _say(
        self, session: Session, message: Message, said: Said, came: str, *, method: str = ""
    ) -> None:
        answer: Said = {"method": method or message.get("method", "")} | said
        answer |= {"time_in": came, "time_out": stamp(self.market.now_ns)}
        if isinstance(message.get("req_id"), int):
            answer["req_id"] = message["req_id"]
        session.line.send(text_of(answer))

    # --- subscriptions ---------------------------------------------------------------------------

    def _subscription(self, session: Session, message: Message, came: str) -> None:
        params = message.get("params")
        if not isinstance(params, dict):
            params = {}
        channel, is_joining = params.get("channel"), message["method"] == "subscribe"

        def fail(error: str, symbol: object = None) -> None:
            said: Said = {"error": error, "success": False}
            self._say(session, message, said if symbol is None else said | {"symbol": symbol}, came)

        if channel in ("executions", "balances"):
            if not session.is_private:
                fail(
                    "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
                )
                return
            self._private(session, message, params, came)
        elif channel not in CHANNELS:
            fail("Subscription name invalid")
        elif session.is_private:
            fail(
                "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"
            )
        else:
            symbols = [""] if channel == "instrument" else params.get("symbol")
            if not isinstance(symbols, list) or not symbols:
                fail("Symbol(s) not found")
                return
            for symbol in symbols:
                is_listed = isinstance(symbol, str) and symbol in self.market.listings
                if channel != "instrument" and not is_listed:
                    fail(f"Currency pair not supported {symbol}", symbol=symbol)
                    continue
                topic = topic_of(str(channel), str(symbol), params)
                if isinstance(topic, str):
                    fail(topic, symbol=symbol)
                    continue
                act = self._join if is_joining else self._leave
                act(session, message, params, topic, came)

    def _join(
        self, session: Session, message: Message, params: Message, topic: Topic, came: str
    ) -> None:
        line = session.line
        same = [
            t
            for t in self.feed.heard(line)
            if (t.channel, t.symbol) == (topic.channel, topic.symbol)
        ]
        if topic in same or (same and topic.channel in ("book", "ticker")):
            error: Said = {"error": "Already subscribed", "success": False, "symbol": topic.symbol}
            self._say(session, message, error, came)
            return
        has_snapshot = bool(params.get("snapshot", topic.channel != "trade"))
        result = _result(topic) | {"snapshot": has_snapshot}
        self._say(session, message, {"result": result, "success": True}, came)
        self.feed.join(line, topic)
        session.is_subscribed = True
        if has_snapshot:
            line.send(self.feed.snapshot(topic), is_data=True)

    def _leave(
        self, session: Session, message: Message, params: Message, topic: Topic, came: str
    ) -> None:
        if not self.feed.leave(session.line, topic):
            error: Said = {
                "error": "Subscription Not Found",
                "success": False,
                "symbol": topic.symbol,
            }
            self._say(session, message, error, came)
            return
        self._say(session, message, {"result": _result(topic), "success": True}, came)

    def _private(self, session: Session, message: Message, params: Message, came: str) -> None:
        channel, line = str(params["channel"]), session.line
        if message["method"] == "unsubscribe":
            gone = self.own.leave(line, channel)
            for hearing in gone:
                self._access.keep(hearing.token, -1)
            said: Said = {"result": {"channel": channel}, "success": True}
            self._say(
                session,
                message,
                said if gone else {"error": "Subscription Not Found", "success": False},
                came,
            )
            return
        try:
            account = self._access.by_token(params.get("token"), self.market.clock.wall_ns())
        except KrakenError as error:
            self._say(session, message, {"error": error.message, "success": False}, came)
            return
        if self.own.found(channel, line):
            self._say(session, message, {"error": "Already subscribed", "success": False}, came)
            return
        self._say(session, message, {"result": {"channel": channel}, "success": True}, came)
        hearing = Hearing(line, account.name, str(params["token"]))
        self._access.keep(hearing.token, 1)
        self.own.join(channel, hearing)
        session.is_subscribed = True
        self._first(channel, hearing, account, params)

    def _first(self, channel: str, hearing: Hearing, account: Account, params: Message) -> None:
        """The messages that a private subscription begins with."""
        if channel == "balances":
            if params.get("snapshot", True):
                self.own.send(channel, hearing, "snapshot", self.own.balances(account))
            return
        has_trades, has_orders = params.get("snap_trades", False), params.get("snap_orders", True)
        trades = self.own.trade_rows(account) if has_trades else []
        if trades:
            self.own.send(channel, hearing, "snapshot", trades)
        if has_orders or not trades:
            rows = self.own.open_rows(account) if has_orders else []
            self.own.send(channel, hearing, "snapshot", rows)

    # --- trading ---------------------------------------------------------------------------------

    def _trade(self, session: Session, message: Message, came: str) -> None:
        params = message.get("params")
        if not session.is_private or not isinstance(params, dict):
            where = "Trading is unavailable on this endpoint. Try ws-auth.kraken.com"
            text = "EGeneral:Invalid arguments:params" if session.is_private else where
            self._say(session, message, {"success": False, "error": text}, came)
            return
        try:
            account = self._access.by_token(params.get("token"), self.market.clock.wall_ns())
            for said in self._methods[str(message["method"])](account, params):
                self._say(session, message, said, came)
        except (AskRefusedError, KrakenError) as error:
            self._say(session, message, {"success": False, "error": _error(error)}, came)

    def _wish(self, params: Message, symbol: str = "") -> Wish:
        for name in ("conditional", "display_qty", "effective_time"):
            if params.get(name):
                raise _wrong(name)
        if params.get("margin"):
            raise _wrong("margin")
        triggers = params.get("triggers")
        if not isinstance(triggers, dict):
            triggers = {}
        kind = _text(params, "order_type")
        price, price2 = _text(params, "limit_price"), ""
        if kind not in ("limit", "market"):
            price2, price = price, _text(triggers, "price") or _text(params, "trigger_price")
            price += "%" if triggers.get("price_type") == "pct" else ""
        flags = [name for name, field in (("post", "post_only"),) if params.get(field)]
        if params.get("fee_preference"):
            flags.append({"base": "fcib", "quote": "fciq"}.get(str(params["fee_preference"]), "?"))
        volume = _text(params, "order_qty")
        if params.get("cash_order_qty"):
            volume = _text(params, "cash_order_qty")
            flags.append("viqc")
        return Wish(
            symbol or _text(params, "symbol"), _text(params, "side"), kind, volume, price=price,
            price2=price2, oflags=",".join(flags),
            timeinforce=_text(params, "time_in_force").upper(),
            expiretm=_text(params, "expire_time"), deadline=_text(params, "deadline"),
            cl_ord_id=_text(params, "cl_ord_id"), userref=_userref(params),
            trigger=_text(triggers, "reference"), reduce_only=bool(params.get("reduce_only")),
            is_dry=bool(params.get("validate")),
        )  # fmt: skip

    def _names(self, order: SimOrder | None, wish: Wish) -> Said:
        said: Said = {} if order is None else {"order_id": order_id(order.serial)}
        if wish.cl_ord_id:
            said["cl_ord_id"] = wish.cl_ord_id
        said["order_userref"] = wish.userref
        return said

    def _add(self, account: Account, params: Message) -> Iterable[Said]:
        wish = self._wish(params)
        order = self.desk.add(account, wish)
        return [{"success": True, "result": self._names(order, wish)}]

    def _batch_add(self, account: Account, params: Message) -> Iterable[Said]:
        orders = params.get("orders")
        if not isinstance(orders, list) or not 2 <= len(orders) <= 15:
            raise _wrong("orders")
        shared = {name: params[name] for name in ("deadline", "validate") if name in params}
        symbol = _text(params, "symbol")
        wishes = [
            self._wish({**item, **shared}, symbol) for item in orders if isinstance(item, dict)
        ]
        if len(wishes) != len(orders):
            raise _wrong("orders")
        results: list[Said] = []
        for wish in wishes:
            try:
                order = self.desk.add(account, wish)
                results.append(self._names(order, wish) | {"success": True})
            except (AskRefusedError, KrakenError) as error:
                said = self._names(None, wish)
                results.append(said | {"success": False, "error": _error(error)})
        return [{"success": True, "result": {"orders": results}}]

    def _found(self, account: Account, params: Message) -> SimOrder:
        return self.desk.find(
            account, txid=_text(params, "order_id"), cl_ord_id=_text(params, "cl_ord_id")
        )

    def _amend(self, account: Account, params: Message) -> Iterable[Said]:
        order = self._found(account, params)
        post = params.get("post_only")
        self.desk.amend(
            account, order, qty=_text(params, "order_qty"), limit=_text(params, "limit_price"),
            trigger=_text(params, "trigger_price"),
            post_only=post if isinstance(post, bool) else None,
            deadline=_text(params, "deadline"),
        )  # fmt: skip
        said: Said = {
            "amend_id": made_id("T", 2**40 + order.changed_ns + order.serial),
            "order_id": order_id(order.serial),
        }
        if order.ask.client_id:
            said["cl_ord_id"] = order.ask.client_id
        return [{"success": True, "result": said}]

    def _edit(self, account: Account, params: Message) -> Iterable[Said]:
        old = self._found(account, params)
        ask, listing = old.ask, old.listing
        given: dict[str, object] = {
            "order_type": "limit", "side": "buy" if ask.side > 0 else "sell",
            "order_qty": listing.size_text(ask.lots), "limit_price": listing.price_text(ask.limit_ticks),
            "post_only": ask.post_only,
        }  # fmt: skip
        if ask.kind.value != "limit":
            raise _wrong("order_type")
        order = self.desk.edit(account, old, self._wish({**given, **params}, ask.symbol))
        result = {"order_id": order_id(order.serial), "original_order_id": order_id(old.serial)}
        return [{"success": True, "result": result}]

    def _cancel(self, account: Account, params: Message) -> Iterable[Said]:
        """One answer an order: each is cancelled or not by itself."""
        answers: list[Said] = []
        asked = [(name, _listed(params, name)) for name in ("order_id", "cl_ord_id")]
        for field, names in asked:
            for name in names:
                given = {("txid" if field == "order_id" else field): name}
                try:
                    self.desk.cancel(account, self.desk.find(account, **given))
                    answers.append({"success": True, "result": {field: name}})
                except (AskRefusedError, KrakenError) as error:
                    answers.append({"success": False, "error": _error(error)})
        for userref in _listed(params, "order_userref"):
            found = self.desk.by_userref(
                account, int(userref) if userref.lstrip("-").isdigit() else 0
            )
            for order in found:
                self.desk.cancel(account, order)
                answers.append({"success": True, "result": {"order_id": order_id(order.serial)}})
        if not answers:
            raise AskRefusedError(Refusal.UNKNOWN_ORDER)
        return answers

    def _batch_cancel(self, account: Account, params: Message) -> Iterable[Said]:
        names = _listed(params, "orders") + _listed(params, "cl_ord_id")
        if not 2 <= len(names) <= 50:
            raise _wrong("orders")
        count = 0
        for name in names:
            order = self.market.open_by_client_id(account, name)
            with contextlib.suppress(AskRefusedError):
                self.desk.cancel(account, order or self.desk.find(account, txid=name))
                count += 1
        return [{"success": True, "orders_cancelled": count}]

    def _cancel_all(self, account: Account, params: Message) -> Iterable[Said]:
        return [{"success": True, "result": {"count": len(self.market.cancel_all(account))}}]

    def _cancel_after(self, account: Account, params: Message) -> Iterable[Said]:
        result = timeout_record(self.desk, account, _text(params, "timeout"))
        return [{"success": True, "result": result}]


def _userref(params: Message) -> int:
    found = params.get("order_userref", 0)
    if not isinstance(found, int) or not -(2**31) <= found < 2**31:
        raise _wrong("order_userref")
    return found


def _listed(params: Message, name: str) -> list[str]:
    found = params.get(name)
    if found is None:
        return []
    return [str(item) for item in found] if isinstance(found, list) else [str(found)]


def _error(error: AskRefusedError | KrakenError) -> str:
    if isinstance(error, AskRefusedError) and error.why is Refusal.UNKNOWN_SYMBOL:
        return f"Currency pair not supported {error.detail}"
    return error_text(error)


def _result(topic: Topic) -> Said:
    said: Said = {"channel": topic.channel}
    if topic.symbol:
        said["symbol"] = topic.symbol
    if topic.depth:
        said["depth"] = topic.depth
    if topic.interval:
        said["interval"] = topic.interval
    if topic.trigger:
        said["event_trigger"] = topic.trigger
    return said
