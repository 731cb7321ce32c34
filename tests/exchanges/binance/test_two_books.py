"""Stops on USD-M: the algo service's book, the plain one, and the way from the first to the second."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import (
    Absent,
    CancelAcknowledged,
    Cancelled,
    Found,
    Lookup,
    LookupFailed,
    NotFound,
    OrderStatus,
    Side,
    Unknown,
)
from chalicelib.exchanges.dialect import Answer, Call
from tests.exchanges.binance.wire import BODIES, FUTURES, answer, error
from tests.exchanges.orders import CLIENT_ID, a_request, an_order, cancel_read

ALGO, PLAIN = "/fapi/v1/algoOrder", "/fapi/v1/order"
GONE = error(-2013, "Order does not exist.")


def a_stop(**fields: Any) -> Order:
    stop = {
        "order_type": OrderType.STOP_LIMIT,
        "side": Side.SELL,
        "symbol": "BNB/USDT",
        "price": Decimal(750),
        "stop_price": Decimal(750),
    }
    return an_order(**{**stop, **fields})


def algo(state: str, **changes: Any) -> Answer:
    body = {**BODIES["usdm.query_algo_order.NEW"], "clientAlgoId": CLIENT_ID, "algoStatus": state}
    return answer(200, {**body, **changes})


def plain(state: str, **changes: Any) -> Answer:
    body = {**BODIES["usdm.query_order.FILLED"], "symbol": "BNBUSDT", "side": "SELL", "origQty": "0.01"}
    return answer(200, {**body, "status": state, "orderId": 157, "clientOrderId": "x", **changes})


def look_up(order: Order, shown: dict[tuple[str, str], Answer]) -> Lookup:
    """As the adapter does: book by book, following calls, until the first hit."""
    failed: LookupFailed | None = None
    calls: list[Call] = list(FUTURES.find(order))
    while calls:
        call = calls.pop(0)
        key = next((call.path, value) for name, value in call.params.items() if name != "symbol")
        result = FUTURES.read_find(shown.get(key, GONE), order, call)
        if isinstance(result, Found):
            return result
        calls = [result, *calls] if isinstance(result, Call) else calls
        failed = result if isinstance(result, LookupFailed) else failed
    return failed or Absent()


def test_a_waiting_stop_is_found_in_the_algo_book() -> None:
    """Its `actualQty` is no fill."""
    lookup = look_up(a_stop(), {(ALGO, CLIENT_ID): algo("NEW")})

    assert isinstance(lookup, Found)
    assert (lookup.order.status, lookup.order.filled_quantity) == (OrderStatus.OPEN, Decimal(0))
    assert lookup.order.exchange_order_id == "2146760"


@pytest.mark.parametrize("state", ["TRIGGERING", "TRIGGERED", "FINISHED"])
@pytest.mark.parametrize(
    ("word", "status"),
    [("NEW", OrderStatus.OPEN), ("FILLED", OrderStatus.FILLED), ("EXPIRED", OrderStatus.EXPIRED)],
)
def test_a_triggered_stop_is_followed_to_what_it_became(state: str, word: str, status: OrderStatus) -> None:
    """Same order, same client id for us; fills and price are those of the plain book."""
    shown = {(ALGO, CLIENT_ID): algo(state, actualOrderId="157"), (PLAIN, "157"): plain(word, executedQty="0.01")}

    lookup = look_up(a_stop(), shown)

    assert isinstance(lookup, Found)
    assert (lookup.order.status, lookup.order.client_order_id) == (status, CLIENT_ID)
    assert (lookup.order.filled_quantity, lookup.order.average_price) == (Decimal("0.01"), Decimal(500))
    assert lookup.order.exchange_order_id == "order:157"


@pytest.mark.parametrize("state", ["TRIGGERING", "TRIGGERED", "FINISHED"])
@pytest.mark.parametrize("actual", ["", "0", None])
def test_a_triggered_stop_whose_order_is_not_told_yet_lives(state: str, actual: str | None) -> None:
    """Without a time: what it became may have been updated before the algo service's own last update."""
    lookup = look_up(a_stop(), {(ALGO, CLIENT_ID): algo(state, actualOrderId=actual)})

    assert isinstance(lookup, Found)
    assert (lookup.order.status, lookup.order.updated_at) == (OrderStatus.OPEN, None)


def test_a_triggered_stop_whose_order_is_not_visible_yet_is_no_absence() -> None:
    """The algo book has it: nothing may be concluded."""
    lookup = look_up(a_stop(), {(ALGO, CLIENT_ID): algo("TRIGGERED", actualOrderId="157")})

    assert isinstance(lookup, LookupFailed)


@pytest.mark.parametrize(("state", "status"), [("CANCELED", "CANCELLED"), ("EXPIRED", "EXPIRED"), ("REJECTED",) * 2])
def test_other_ends_of_an_algo_order_are_its_own(state: str, status: str) -> None:
    """Nothing was triggered."""
    lookup = look_up(a_stop(), {(ALGO, CLIENT_ID): algo(state)})

    assert isinstance(lookup, Found)
    assert lookup.order.status == status
    assert lookup.order.updated_at is not None


def test_a_stop_that_the_algo_book_forgot_is_found_in_the_plain_one() -> None:
    """What it became bears the same client id."""
    lookup = look_up(a_stop(), {(PLAIN, CLIENT_ID): plain("FILLED", clientOrderId=CLIENT_ID)})

    assert isinstance(lookup, Found)
    assert lookup.order.exchange_order_id == "order:157"


def test_an_order_found_by_client_id_keeps_the_client_id_that_it_shows() -> None:
    """Only the id that the algo service told proves that it is ours (R13)."""
    lookup = look_up(a_stop(), {(PLAIN, CLIENT_ID): plain("FILLED", clientOrderId="another")})

    assert isinstance(lookup, Found)
    assert lookup.order.client_order_id == "another"


def test_a_stop_is_absent_when_neither_book_has_it() -> None:
    """And not when one of them could not be asked."""
    assert look_up(a_stop(), {}) == Absent()
    assert isinstance(look_up(a_stop(), {(ALGO, CLIENT_ID): error(-1000)}), LookupFailed)
    assert isinstance(look_up(a_stop(), {(PLAIN, CLIENT_ID): answer(500, "")}), LookupFailed)


def test_a_plain_order_is_asked_for_in_the_plain_book_alone() -> None:
    """Only stops are in the other."""
    assert [call.path for call in FUTURES.find(an_order())] == [PLAIN]


def test_a_stop_is_cancelled_in_the_book_where_it_is() -> None:
    """By client id at first, by the algo service's id, by the plain book's once it is triggered."""
    rows = [a_stop(), a_stop(exchange_order_id="2146760"), a_stop(exchange_order_id="order:157")]

    calls = [FUTURES.cancel(row) for row in rows]

    assert [(call.path, dict(call.params)) for call in calls] == [
        (ALGO, {"symbol": "BNBUSDT", "clientAlgoId": CLIENT_ID}),
        (ALGO, {"symbol": "BNBUSDT", "algoId": "2146760"}),
        (PLAIN, {"symbol": "BNBUSDT", "orderId": "157"}),
    ]


def test_the_algo_service_only_acknowledges_a_cancel() -> None:
    """It shows no state: that is read back. Anything else than its answer proves nothing."""
    golden = answer(200, BODIES["usdm.cancel_algo_order"])

    assert cancel_read(FUTURES, golden, a_stop()) == CancelAcknowledged()
    bodies: list[Any] = [{}, {"code": "200", "msg": "success"}, {"algoId": 7, "code": "500"}, [], "<html>"]
    for body in bodies:
        assert isinstance(cancel_read(FUTURES, answer(200, body), a_stop()), Unknown)


def test_a_stop_triggered_while_it_is_cancelled_is_cancelled_in_the_end() -> None:
    """Not found in the algo book, found in the plain one, cancelled there."""
    row = a_stop(exchange_order_id="2146760")
    shown = {(ALGO, "2146760"): algo("TRIGGERED", actualOrderId="157"), (PLAIN, "157"): plain("NEW", executedQty="0")}

    first = cancel_read(FUTURES, error(-2011, "Unknown order sent."), row)
    seen = look_up(row, shown)
    assert isinstance(seen, Found)
    row = a_stop(exchange_order_id=seen.order.exchange_order_id)
    second = cancel_read(FUTURES, plain("CANCELED", executedQty="0.004"), row)

    assert isinstance(first, NotFound)
    assert FUTURES.cancel(row).params["orderId"] == "157"
    assert isinstance(second, Cancelled)
    assert second.order.client_order_id == CLIENT_ID
    assert (second.order.exchange_order_id, second.order.filled_quantity) == ("order:157", Decimal("0.004"))


def test_a_triggered_stop_is_looked_up_by_its_new_id_at_once() -> None:
    """The algo book is not asked again; an absence there is one."""
    row = a_stop(exchange_order_id="order:157")

    assert isinstance(look_up(row, {(PLAIN, "157"): plain("FILLED")}), Found)
    assert [call.params["orderId"] for call in FUTURES.find(row)] == ["157"]
    assert look_up(row, {}) == Absent()


def test_what_a_stop_became_is_the_order_that_was_sent() -> None:
    """R13 compares client id, symbol, side and quantity."""
    request = a_request(symbol="BNB/USDT", side=Side.SELL, order_type=OrderType.STOP_LIMIT)
    shown = {(ALGO, CLIENT_ID): algo("FINISHED", actualOrderId="157"), (PLAIN, "157"): plain("FILLED")}

    lookup = look_up(a_stop(), shown)

    assert isinstance(lookup, Found)
    assert a_stop(request=request).is_same_as(lookup.order)


def test_open_orders_are_those_of_both_books() -> None:
    """An algo order is marked where no order type is known, so that it can be found and cancelled."""
    plain_call, algo_call = FUTURES.open_orders()

    (resting,) = FUTURES.read_open_orders(answer(200, BODIES["usdm.current_all_open_orders"]), plain_call).orders
    (waiting,) = FUTURES.read_open_orders(answer(200, BODIES["usdm.current_all_algo_open_orders"]), algo_call).orders
    adopted = an_order(symbol=waiting.symbol, exchange_order_id=waiting.exchange_order_id)

    assert (resting.exchange_order_id, resting.client_order_id, resting.symbol) == ("1917641", "abc", "BTC/USDT")
    assert (waiting.exchange_order_id, waiting.symbol) == ("algo:2148627", "BNB/USDT")
    assert (FUTURES.cancel(adopted).path, FUTURES.cancel(adopted).params["algoId"]) == (ALGO, "2148627")
    assert FUTURES.find(adopted)[0].params["algoId"] == "2148627"


@pytest.mark.parametrize("given", [error(-1021), answer(200, {}), answer(200, [{}]), answer(200, "<html>")])
def test_an_incomplete_list_is_no_list(given: Answer) -> None:
    """Of either book."""
    for call in FUTURES.open_orders():
        with pytest.raises(ValueError, match="no "):
            FUTURES.read_open_orders(given, call)
