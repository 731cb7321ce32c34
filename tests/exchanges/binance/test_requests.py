"""Binance's requests against golden ones (replayed with ccxt 4.5.90, MIT): the same meaning, validly signed."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.orders import OrderType, TimeInForce
from chalicelib.domain.outcomes import Side
from chalicelib.exchanges.dialect import Call, Purpose
from tests.exchanges.binance.wire import (
    DIALECTS,
    FUTURES,
    HOSTS,
    REQUESTS,
    SPOT,
    is_signed_by,
    parameters,
    received,
    wire_text,
)
from tests.exchanges.orders import CLIENT_ID, a_request, an_order

FREE = {"timestamp", "recvWindow", "signature", "newOrderRespType"}
"""Parameters that may differ in value: time, window and so the signature; RESULT or FULL."""

MARKET = {"order_type": OrderType.MARKET, "price": None}
BY_AMOUNT = {**MARKET, "quantity": None, "quote_amount": Decimal(100)}
SELL = {"side": Side.SELL}
STOP = {**SELL, "order_type": OrderType.STOP_MARKET, "price": None, "stop_price": Decimal(25000)}
STOP_LIMIT = {"order_type": OrderType.STOP_LIMIT, "price": Decimal(41000), "stop_price": Decimal(40900)}
LIMIT = {"price": Decimal(30000)}
KNOWN = {"exchange_order_id": "28"}

CALLS: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("spot", "market buy by base qty"): ("create", MARKET),
    ("spot", "market sell by base qty"): ("create", {**MARKET, **SELL}),
    ("spot", "market buy by quote amount (cost)"): ("create", BY_AMOUNT),
    ("spot", "market sell by quote amount (cost)"): ("create", {**BY_AMOUNT, **SELL}),
    ("spot", "limit buy post-only"): ("create", {**LIMIT, "post_only": True, "time_in_force": TimeInForce.GTC}),
    ("spot", "stop-loss market sell"): ("create", STOP),
    ("spot", "cancel by exchange id"): ("cancel", KNOWN),
    ("spot", "cancel by client id"): ("cancel", {}),
    ("usdm", "market buy by base qty"): ("create", MARKET),
    ("usdm", "market sell reduceOnly"): ("create", {**MARKET, **SELL, "reduce_only": True}),
    ("usdm", "limit sell reduceOnly"): ("create", {**SELL, "price": Decimal(40000), "reduce_only": True}),
    ("usdm", "limit buy FOK"): ("create", {**LIMIT, "time_in_force": TimeInForce.FOK}),
    ("usdm", "limit buy post-only"): ("create", {**LIMIT, "post_only": True, "time_in_force": TimeInForce.GTC}),
    ("usdm", "amount and price needing truncation to step and tick"): (
        "create",
        {"quantity": Decimal("0.012"), "price": Decimal("30000.1")},
    ),
    ("usdm", "stop-loss market sell"): ("create", STOP),
    ("usdm", "stop limit buy (triggerPrice)"): ("create", STOP_LIMIT),
    ("usdm", "cancel by client id"): ("cancel", {}),
    ("usdm", "query by exchange id"): ("find", KNOWN),
    ("usdm", "cancel algo (conditional) order by exchange id"): ("cancel", {**STOP, **KNOWN}),
    ("usdm", "query algo (conditional) order by client id"): ("find", STOP),
    ("usdm", "balance"): ("balance", {}),
}


def call_for(market: str, kind: str, fields: dict[str, Any]) -> Call:
    dialect = DIALECTS[market]
    if kind == "create":
        return dialect.create(a_request(**fields))
    if kind == "balance":
        return dialect.balance("USDT")
    return dialect.cancel(an_order(**fields)) if kind == "cancel" else dialect.find(an_order(**fields))[0]


@pytest.mark.parametrize(("market", "case"), CALLS, ids=lambda part: part)
def test_a_request_means_what_the_golden_one_means(market: str, case: str) -> None:
    """Method, path, parameters and where they stand, headers; the signature fits the bytes sent."""
    golden = next(c["requests"][0] for c in REQUESTS["cases"] if (c["market"], c["case"]) == (market, case))

    request = received(call_for(market, *CALLS[market, case]), HOSTS[market])

    ours, theirs = (parameters(text) for text in (wire_text(request), golden["query"] + (golden["body"] or "")))
    assert f"{request.method} {request.url.copy_with(query=None)}" == (
        f"{golden['http_method']} {golden['base_url']}{golden['path']}"
    )
    assert {n: v for n, v in ours.items() if n not in FREE} == {n: v for n, v in theirs.items() if n not in FREE}
    assert bool(request.content) == bool(golden["body"])
    assert all(request.headers[name] == value for name, value in golden["headers"].items())
    assert is_signed_by(request, REQUESTS["secret"])


@pytest.mark.parametrize(
    ("market", "fields", "expected"),
    [
        ("spot", LIMIT, {"type": "LIMIT", "timeInForce": "GTC"}),
        ("spot", {**LIMIT, "time_in_force": TimeInForce.IOC}, {"timeInForce": "IOC"}),
        ("spot", {**LIMIT, "time_in_force": TimeInForce.FOK}, {"timeInForce": "FOK"}),
        ("spot", STOP_LIMIT, {"type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "stopPrice": "40900"}),
        ("usdm", {**LIMIT, "time_in_force": TimeInForce.IOC}, {"timeInForce": "IOC"}),
        ("usdm", {**STOP_LIMIT, "time_in_force": TimeInForce.IOC}, {"type": "STOP", "timeInForce": "IOC"}),
        ("usdm", {**STOP, "reduce_only": True}, {"reduceOnly": "true", "algoType": "CONDITIONAL"}),
    ],
)
def test_other_orders_than_the_golden_ones(market: str, fields: dict[str, Any], expected: dict[str, str]) -> None:
    """Every order type with the time in force that it needs."""
    params = DIALECTS[market].create(a_request(**fields)).params

    assert expected.items() <= params.items()


@pytest.mark.parametrize("market", ["spot", "usdm"])
@pytest.mark.parametrize("fields", [MARKET, LIMIT, STOP, STOP_LIMIT])
def test_every_create_asks_for_its_result_under_our_id(market: str, fields: dict[str, Any]) -> None:
    """The default is an ACK without a state for all but MARKET and LIMIT on spot, for all on USD-M."""
    call = DIALECTS[market].create(a_request(**fields))

    names = {"newClientOrderId", "clientAlgoId"} & call.params.keys()
    assert call.params["newOrderRespType"] in ("RESULT", "FULL")
    assert [call.params[name] for name in names] == [CLIENT_ID]
    assert (call.purpose, call.group) == (Purpose.CREATE, "orders")


@pytest.mark.parametrize(
    ("amount", "wire"),
    [("1E+4", "10000"), ("1E-8", "0.00000001"), ("0.10", "0.10"), ("12345678901234567890.1", "12345678901234567890.1")],
)
def test_amounts_are_plain_digits(amount: str, wire: str) -> None:
    """No exponent, no float."""
    request = a_request(quantity=Decimal(amount), price=Decimal(amount))

    for dialect in (SPOT, FUTURES):
        params = dialect.create(request).params
        assert (params["quantity"], params["price"]) == (wire, wire)


def test_a_price_is_sent_where_the_order_type_has_one() -> None:
    """A market order's price, were one left in it, would be refused (-1106)."""
    request = a_request(order_type=OrderType.MARKET, price=Decimal(1), stop_price=Decimal(1))

    for dialect in (SPOT, FUTURES):
        assert not {"price", "stopPrice", "triggerPrice", "timeInForce"} & dialect.create(request).params.keys()


def test_a_later_attempt_goes_by_its_own_client_id() -> None:
    """The full one, with its suffix."""
    order = an_order(attempt=2)

    assert SPOT.cancel(order).params["origClientOrderId"] == f"{CLIENT_ID}-2"
    assert FUTURES.find(order)[0].params["origClientOrderId"] == f"{CLIENT_ID}-2"


def test_the_misleading_open_order_endpoint_is_never_asked() -> None:
    """It answers "does not exist" for a filled order."""
    orders = [an_order(**fields) for fields in (MARKET, LIMIT, STOP, STOP_LIMIT, {**STOP, **KNOWN})]
    calls = [call for order in orders for call in FUTURES.find(order)] + list(FUTURES.open_orders())

    assert "/fapi/v1/openOrder" not in {call.path for call in calls}
