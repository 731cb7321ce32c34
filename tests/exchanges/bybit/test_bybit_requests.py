"""Bybit's requests against golden ones (replayed with ccxt 4.5.90, MIT)."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from chalicelib.domain.orders import OrderType, TimeInForce
from chalicelib.domain.outcomes import Side
from chalicelib.exchanges.dialect import Call, Encoding, Purpose
from tests.exchanges.bybit.wire import DIALECTS, LINEAR, REQUESTS, SPOT, received, signature_of
from tests.exchanges.orders import CLIENT_ID, a_request, an_order

MARKET = {"order_type": OrderType.MARKET, "price": None}
MARKET_SELL = {**MARKET, "side": Side.SELL}
LIMIT = {"price": Decimal(30000)}
STOP_LIMIT = {"order_type": OrderType.STOP_LIMIT, "price": Decimal(41000), "stop_price": Decimal(40900)}
KNOWN = {"exchange_order_id": "1616024329462743808"}

CALLS: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("spot", "market buy by base qty"): ("create", MARKET),
    ("spot", "limit buy GTC"): ("create", LIMIT),
    ("spot", "limit sell GTC"): ("create", {"side": Side.SELL, "price": Decimal(40000)}),
    ("spot", "limit buy IOC"): ("create", {**LIMIT, "time_in_force": TimeInForce.IOC}),
    ("spot", "limit buy FOK"): ("create", {**LIMIT, "time_in_force": TimeInForce.FOK}),
    ("spot", "limit buy post-only"): ("create", {**LIMIT, "post_only": True}),
    ("spot", "trigger limit buy (conditional, price rises to)"): ("create", STOP_LIMIT),
    ("spot", "cancel by exchange id"): ("cancel", KNOWN),
    ("spot", "cancel by client id"): ("cancel", {}),
    ("spot", "query by exchange id (realtime), raw endpoint"): ("realtime", KNOWN),
    ("linear", "market sell by base qty"): ("create", MARKET_SELL),
    ("linear", "limit buy IOC"): ("create", {**LIMIT, "time_in_force": TimeInForce.IOC}),
    ("linear", "limit buy FOK"): ("create", {**LIMIT, "time_in_force": TimeInForce.FOK}),
    ("linear", "trigger limit buy (conditional, price rises to)"): ("create", STOP_LIMIT),
    ("linear", "amount and price needing truncation to step and tick"): (
        "create",
        {"quantity": Decimal("0.012"), "price": Decimal("30000.1")},
    ),
    ("linear", "cancel by client id"): ("cancel", {}),
    ("linear", "query by exchange id (realtime), raw endpoint"): ("realtime", KNOWN),
    ("linear", "query by exchange id (history), raw endpoint"): ("history", KNOWN),
    ("linear", "executions by client id, raw endpoint"): ("executions", {}),
    ("linear", "market sell reduceOnly"): ("create", {**MARKET_SELL, "reduce_only": True}),
    ("unified", "balance"): ("balance", {}),
}

OTHERWISE = {
    ("spot", "open orders of a symbol"),  # ours asks for all symbols at once
    ("linear", "open orders of a symbol"),
    ("spot", "cancel all of a symbol"),  # orders are cancelled one by one
    ("linear", "cancel all of a symbol"),
    ("linear", "cancel all by settle coin"),
    ("spot", "my trades of a symbol"),
    ("linear", "hedge mode long open"),  # one-way mode
    ("linear", "limit buy with attached take-profit and stop-loss"),
}

EXPLICIT = {"timeInForce": "GTC", "orderFilter": "Order", "triggerBy": "LastPrice"}
"""Bybit's defaults, which we name and ccxt does not."""


def call_for(market: str, kind: str, fields: dict[str, Any]) -> Call:
    dialect = DIALECTS.get(market, SPOT)
    if kind == "create":
        return dialect.create(a_request(**fields))
    if kind == "cancel":
        return dialect.cancel(an_order(**fields))
    if kind == "balance":
        return dialect.balance("USDT")
    return next(call for call in dialect.find(an_order(**fields)) if call.group == kind)


def parameters(query: str, body: str) -> dict[str, Any]:
    """Of either place."""
    return dict(parse_qsl(query, strict_parsing=bool(query))) | (json.loads(body) if body else {})


def sent(request: httpx.Request) -> dict[str, Any]:
    return parameters(request.url.query.decode(), request.content.decode())


def test_every_golden_case_is_compared_or_named_as_none_of_ours() -> None:
    """A case that is added to the golden data cannot be overlooked."""
    cases = {(case["market"], case["case"]) for case in REQUESTS["cases"]}

    assert cases == CALLS.keys() | OTHERWISE


@pytest.mark.parametrize("case", CALLS, ids=": ".join)
def test_a_request_means_what_the_golden_one_means(case: tuple[str, str]) -> None:
    """Method, path, parameters, headers; and its signature fits its bytes."""
    golden = next(c["requests"][0] for c in REQUESTS["cases"] if (c["market"], c["case"]) == case)

    request = received(call_for(case[0], *CALLS[case]))

    expected = parameters(golden["query"] or "", golden["body"] or "")
    headers = {k: v for k, v in golden["headers"].items() if k not in ("Referer", "X-BAPI-SIGN")}
    assert (request.method, request.url.path) == (golden["http_method"], golden["path"])
    assert sent(request) == {**{k: v for k, v in EXPLICIT.items() if k in sent(request)}, **expected}
    assert {name: request.headers.get(name) for name in headers} == headers
    assert request.headers["X-BAPI-SIGN"] == signature_of(request)


@pytest.mark.parametrize(
    ("side", "fields", "unit", "qty"),
    [
        (Side.BUY, {"quote_amount": Decimal(100), "quantity": None}, "quoteCoin", "100"),
        (Side.SELL, {"quote_amount": Decimal(100), "quantity": None}, "quoteCoin", "100"),
        (Side.BUY, {}, "baseCoin", "0.01"),
        (Side.SELL, {}, "baseCoin", "0.01"),
    ],
)
def test_a_spot_market_order_always_says_what_its_quantity_counts(
    side: Side, fields: dict[str, Any], unit: str, qty: str
) -> None:
    """Without marketUnit a buy is by value and a sale by base."""
    params = SPOT.create(a_request(**{**MARKET, "side": side, **fields})).params

    assert (params["marketUnit"], params["qty"], params["orderFilter"]) == (unit, qty, "Order")


def test_a_limit_order_has_no_market_unit() -> None:
    """Its quantity is in base, whatever the side."""
    assert "marketUnit" not in SPOT.create(a_request(side=Side.SELL)).params


@pytest.mark.parametrize("kind", [OrderType.STOP_MARKET, OrderType.STOP_LIMIT])
def test_a_spot_stop_is_made_and_cancelled_as_a_stop_order(kind: OrderType) -> None:
    """Under the default filter `Order` its cancel would not find it."""
    fields = {"order_type": kind, "stop_price": Decimal(40900)}

    made, cancelled = SPOT.create(a_request(**fields)).params, SPOT.cancel(an_order(**fields)).params

    assert (made["orderFilter"], made["triggerPrice"]) == ("StopOrder", "40900")
    assert "triggerDirection" not in made
    assert made.get("marketUnit") == ("baseCoin" if kind is OrderType.STOP_MARKET else None)
    assert cancelled["orderFilter"] == "StopOrder"


def test_a_spot_stop_with_fills_is_cancelled_as_an_active_order() -> None:
    """It has been triggered: its id stays, but it is no stop any more."""
    order = an_order(order_type=OrderType.STOP_LIMIT, stop_price=Decimal(40900), filled_quantity=Decimal("0.001"))

    assert SPOT.cancel(order).params["orderFilter"] == "Order"


@pytest.mark.parametrize(("side", "direction"), [(Side.BUY, 1), (Side.SELL, 2)])
@pytest.mark.parametrize("kind", [OrderType.STOP_MARKET, OrderType.STOP_LIMIT])
def test_a_linear_stop_buys_on_a_rise_and_sells_on_a_fall(kind: OrderType, side: Side, direction: int) -> None:
    """1 rises, 2 falls; as a number, by the last price."""
    params = LINEAR.create(a_request(order_type=kind, side=side, stop_price=Decimal(40900))).params

    assert (params["triggerDirection"], params["triggerPrice"]) == (direction, "40900")
    assert params["triggerBy"] == "LastPrice"
    assert params["orderType"] == ("Market" if kind is OrderType.STOP_MARKET else "Limit")


@pytest.mark.parametrize("order_type", OrderType)
def test_linear_is_told_of_no_spot_parameters(order_type: OrderType) -> None:
    """marketUnit and orderFilter belong to spot."""
    order = an_order(order_type=order_type, stop_price=Decimal(1))
    made = LINEAR.create(a_request(order_type=order_type, stop_price=Decimal(1))).params

    assert not {"marketUnit", "orderFilter"} & (made.keys() | LINEAR.cancel(order).params.keys())


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.00000001", "0.00000001"), ("1E+3", "1000"), ("1E-7", "0.0000001"), ("30000.10", "30000.10")],
)
def test_money_goes_out_as_plain_decimals(amount: str, text: str) -> None:
    """Never with an exponent."""
    params = SPOT.create(a_request(quantity=Decimal(amount), price=Decimal(amount))).params

    assert (params["qty"], params["price"]) == (text, text)


def test_a_request_that_is_sized_by_value_where_bybit_counts_base_is_not_written() -> None:
    """100 USDT would become 100 BTC."""
    by_value = a_request(quantity=None, quote_amount=Decimal(100))

    for dialect in (SPOT, LINEAR):
        with pytest.raises(ValueError, match="no size"):
            dialect.create(by_value)


def test_calls_are_counted_by_endpoint_and_know_their_purpose() -> None:
    """Cancels have a budget of their own; every group has one."""
    calls = [SPOT.create(a_request()), SPOT.cancel(an_order()), *SPOT.find(an_order()), *SPOT.open_orders()]
    calls += [SPOT.balance("USDT"), *SPOT.rules("BTC/USDT"), SPOT.last_price("BTC/USDT")]

    assert {call.group for call in calls} <= SPOT.budgets.keys()
    assert [(c.purpose, c.encoding) for c in calls[:2]] == [
        (Purpose.CREATE, Encoding.JSON),
        (Purpose.CANCEL, Encoding.JSON),
    ]
    assert (SPOT.budgets["create"].calls, LINEAR.budgets["create"].calls) == (20, 10)


def test_the_client_id_goes_out_in_full() -> None:
    """It is what an order with a lost answer is found by."""
    assert SPOT.create(a_request()).params["orderLinkId"] == CLIENT_ID
