"""Upbit's create and cancel: the answers show the order before anything happened to it."""

from decimal import Decimal, InvalidOperation
from typing import Any

from infra.simulator.model import ZERO, Book, Intent, Order, RefusedError, Side, TimeInForce, Venue, text
from infra.simulator.placing import place
from infra.simulator.queries import cancelable, live_of, named
from infra.simulator.upbit.bodies import accepted, order_body
from infra.simulator.upbit.errors import UpbitError, invalid, no_order
from infra.simulator.upbit.quotation import tick_at
from infra.simulator.world import Call

VENUE: Venue = "upbit"
_TIMES_IN_FORCE: dict[str, tuple[str | None, ...]] = {
    "limit": (None, "ioc", "fok", "post_only"),
    "best": ("ioc", "fok"),
    "price": (None,),
    "market": (None,),
}


def create(call: Call) -> dict[str, Any]:
    identifier = _burn_identifier(call)
    book = _book(call)
    intent = _checked_intent(call, book, identifier)
    order = _place(call, book, intent)
    return accepted(order)


def test(call: Call) -> dict[str, Any]:
    """Checks like `create`, places nothing; its uuid is good for nothing."""
    book = _book(call)
    intent = _checked_intent(call, book, str(call.params.get("identifier") or ""))
    engine, now = call.world.engine, call.now_ms
    return accepted(Order(0, engine.new_uuid(), call.account, book.market, intent, now, now))


def _book(call: Call) -> Book:
    name = call.params.get("market")
    book = call.world.book(VENUE, str(name))
    if book is None:
        raise invalid("market is missing, market does not have a valid value")
    return book


def _burn_identifier(call: Call) -> str:
    """Unique over all orders ever of the account; spent "even when the order request errors"."""
    identifier = str(call.params.get("identifier") or "")
    if identifier and ("upbit", identifier) in call.account.spent_client_ids:
        raise UpbitError(400, call.world.upbit_duplicate_name, "이미 사용된 identifier 입니다.")
    if identifier:
        call.account.spent_client_ids.add(("upbit", identifier))
    return identifier


def _checked_intent(call: Call, book: Book, identifier: str) -> Intent:
    if book.status != "trading":
        raise UpbitError(400, "market_offline", "현재 점검중인 마켓입니다.")
    intent = _intent(call, identifier)
    if intent.price is not None and intent.price % tick_at(book.market.quote, intent.price) != ZERO:
        name = "invalid_price_bid" if intent.side == "BUY" else "invalid_price_ask"
        raise UpbitError(400, name, "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요.")
    total = intent.quote_quantity or (intent.quantity or ZERO) * (intent.price or book.price)
    if total < book.market.min_notional:
        name = "under_min_total_bid" if intent.side == "BUY" else "under_min_total_ask"
        least = f"{text(book.market.min_notional)} {book.market.quote}"
        raise UpbitError(400, name, f"최소주문금액 이상으로 주문해주세요. 최소 {least}")
    return intent


def _wrong(side: Side, message: str) -> UpbitError:
    return UpbitError(400, "create_bid_error" if side == "BUY" else "create_ask_error", message)


def _intent(call: Call, identifier: str) -> Intent:
    side, kind = _side(call), str(call.params.get("ord_type"))
    if kind not in _TIMES_IN_FORCE:
        raise invalid("ord_type is missing, ord_type does not have a valid value")
    time = call.params.get("time_in_force")
    if time not in _TIMES_IN_FORCE[kind]:
        raise invalid("time_in_force does not have a valid value")
    smp = call.params.get("smp_type")
    if time == "post_only" and smp not in (None, "none"):
        raise invalid("post_only cannot be used with smp_type")
    volume, price = _number(call, "volume"), _number(call, "price")
    _check_fields(side, kind, volume, price)
    in_force: TimeInForce = "IOC" if time == "ioc" else "FOK" if time == "fok" else "GTC"
    return Intent(
        side=side,
        kind="LIMIT" if kind == "limit" else "MARKET",
        client_id=identifier,
        quantity=volume,
        quote_quantity=None if kind == "limit" else price,
        price=price if kind == "limit" else None,
        time_in_force=in_force,
        post_only=time == "post_only",
        wire={"ord_type": kind, "time_in_force": time},
    )


def _side(call: Call) -> Side:
    match call.params.get("side"):
        case "bid":
            return "BUY"
        case "ask":
            return "SELL"
        case _:
            raise invalid("side is missing, side does not have a valid value")


def _number(call: Call, name: str) -> Decimal | None:
    sent = call.params.get(name)
    if sent is None:
        return None
    try:
        value = Decimal(str(sent))
    except InvalidOperation:
        raise invalid(f"{name} does not have a valid value") from None
    if not value.is_finite() or value <= ZERO or value != value.quantize(Decimal("0.00000001")):
        raise invalid(f"{name} does not have a valid value")
    return value


def _check_fields(side: Side, kind: str, volume: Decimal | None, price: Decimal | None) -> None:
    """`price` buys for a total, `market` sells a volume, `best` does either, `limit` wants both."""
    wanted = {
        "limit": (True, True),
        "price": (False, True),
        "market": (True, False),
        "best": (side == "SELL", side == "BUY"),
    }[kind]
    sided = kind not in ("price", "market") or (side == "BUY") == (kind == "price")
    if not sided or (volume is not None, price is not None) != wanted:
        raise _wrong(side, "주문 요청 정보가 올바르지 않습니다.")


def _place(call: Call, book: Book, intent: Intent) -> Order:
    try:
        return place(call, book.market, intent)
    except RefusedError:
        buying = intent.side == "BUY"
        name = "insufficient_funds_bid" if buying else "insufficient_funds_ask"
        asset = book.market.quote if buying else book.market.base
        raise UpbitError(400, name, f"주문가능한 금액({asset})이 부족합니다.") from None


def addressed(call: Call) -> list[Order]:
    """By uuid, which wins, or identifier."""
    uuid, identifier = call.params.get("uuid"), call.params.get("identifier")
    if uuid:
        return named(call.account, VENUE, "uuid", str(uuid))
    if identifier:
        return named(call.account, VENUE, "client", str(identifier))
    raise invalid("uuid or identifier is missing")


def cancel(call: Call) -> dict[str, Any]:
    """Answers the order as it is now; the cancel takes effect later."""
    orders = cancelable(call.world, addressed(call))
    if not orders:
        raise no_order()
    body = order_body(orders[-1])
    _cancel_later(call, orders[-1])
    return body


def _cancel_later(call: Call, order: Order) -> None:
    call.world.engine.cancel(order, call.world.delays.upbit_cancel)


def cancel_many(call: Call) -> dict[str, Any]:
    """Up to 20 by `uuids[]` or `identifiers[]`."""
    by_uuid = call.params.get("uuids")
    values = by_uuid or call.params.get("identifiers") or []
    done: list[Order] = []
    missed: list[dict[str, Any]] = []
    for value in list(values)[:20]:
        found = cancelable(call.world, named(call.account, VENUE, "uuid" if by_uuid else "client", value))
        done += found[-1:]
        missed += [] if found else [{"uuid" if by_uuid else "identifier": value}]
    for order in done:
        _cancel_later(call, order)
    return _summary(done, missed)


def cancel_open(call: Call) -> dict[str, Any]:
    """Without parameters the latest 20 of everything."""
    params, sides = call.params, {"ask": ("SELL",), "bid": ("BUY",)}
    pairs = [pair for pair in str(params.get("pairs") or "").split(",") if pair]
    wanted = sides.get(str(params.get("cancel_side") or "all"), ("BUY", "SELL"))
    orders = [
        order
        for order in live_of(call.world, call.account, VENUE)
        if (not pairs or order.market.symbol in pairs) and order.intent.side in wanted
    ]
    if params.get("order_by") != "asc":
        orders.reverse()
    chosen = orders[: min(int(params.get("count") or 20), 300)]
    for order in chosen:
        _cancel_later(call, order)
    return _summary(chosen, [])


def _summary(done: list[Order], failed: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [{"uuid": order.uuid, "market": order.market.symbol} for order in done]
    return {
        "success": {"count": len(rows), "orders": rows},
        "failed": {"count": len(failed), "orders": failed},
    }
