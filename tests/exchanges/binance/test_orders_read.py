"""Binance's orders in our words, against golden ones (the exchange's documents; states and quantities derived)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import (
    Absent,
    Acknowledged,
    CancelAcknowledged,
    Cancelled,
    Found,
    LookupFailed,
    OrderStatus,
    Placed,
    Refused,
    Side,
    Unknown,
)
from tests.exchanges.binance.wire import BODIES, DIALECTS, FUTURES, RESPONSES, SPOT, answer, error
from tests.exchanges.orders import CLIENT_ID, a_request, an_order, cancel_read

STATUS = {"CANCELED": "CANCELLED", "PARTIALLY_FILLED": "OPEN"}
JUDGED = [entry for entry in RESPONSES if entry["unified_status"]]
ORDER, REQUEST = an_order(), a_request()
STOP_ORDER = an_order(order_type=OrderType.STOP_MARKET, stop_price=Decimal(1))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
FIELDS = st.sampled_from(
    [*BODIES["spot.new_order.FULL"], *BODIES["usdm.query_order.FILLED"], *BODIES["usdm.query_algo_order.NEW"], "code"]
)
WORDS = st.sampled_from(["BUY", "NEW", "FILLED", "CANCELED", "TRIGGERED", "BTCUSDT", "1", "0", "-1", "1E+9999", 7, 200])
NEAR_ORDERS = st.builds(
    lambda order, changes: {**order, **changes},
    st.sampled_from([{}, *(entry["body"] for entry in JUDGED)]),
    st.dictionaries(FIELDS, WORDS | JSON, max_size=4),
)


@pytest.mark.parametrize("entry", JUDGED, ids=lambda e: e["id"])
def test_an_order_has_the_status_and_the_numbers_that_the_documents_say(entry: dict[str, Any]) -> None:
    """By a look-up, in the book that the sample is of."""
    dialect, body = DIALECTS[entry["market"]], entry["body"]
    order = STOP_ORDER if "algoId" in body else ORDER

    lookup = dialect.read_find(answer(entry["http_status"], body), order, dialect.find(order)[0])

    assert isinstance(lookup, Found)
    found = lookup.order
    assert found.status == STATUS.get(entry["unified_status"], entry["unified_status"])
    assert found.filled_quantity == Decimal(body.get("executedQty", "0"))
    assert found.quantity == Decimal(body["origQty"] if "origQty" in body else body["quantity"])
    assert found.exchange_order_id == str(body.get("orderId") or body["algoId"])
    assert found.side == Side(body["side"])


@pytest.mark.parametrize("entry", [e for e in JUDGED if "new_" in e["id"]], ids=lambda e: e["id"])
def test_a_create_that_is_answered_with_an_order_is_placed(entry: dict[str, Any]) -> None:
    """On the book, filled, or waiting for its trigger."""
    request = a_request(order_type=OrderType.STOP_LIMIT) if "algoId" in entry["body"] else REQUEST

    outcome = DIALECTS[entry["market"]].read_create(answer(200, entry["body"]), request)

    assert isinstance(outcome, Placed)
    assert outcome.order.status == entry["unified_status"]
    assert outcome.order.updated_at is not None


@pytest.mark.parametrize(
    ("name", "average"),
    [
        ("spot.new_order.FULL", Decimal(1)),
        ("spot.query_order.PARTIALLY_FILLED", Decimal("0.1")),
        ("spot.query_order.EXPIRED_market_partial", Decimal("0.1")),
        ("spot.query_order.historic_negative_quote", None),
        ("spot.cancel_order", None),
        ("usdm.query_order.FILLED", Decimal(500)),
        ("usdm.query_order.EXPIRED", None),
        ("usdm.new_order", None),
    ],
)
def test_the_average_price_is_the_exchanges_own_or_none(name: str, average: Decimal | None) -> None:
    """Spot tells what was spent, USD-M the average, in its queries only; 0 and -1 mean that it is not known."""
    dialect = DIALECTS[name.partition(".")[0]]

    lookup = dialect.read_find(answer(200, BODIES[name]), ORDER, dialect.find(ORDER)[0])

    assert isinstance(lookup, Found)
    assert lookup.order.average_price == average


def test_an_amount_spent_on_nothing_is_no_price() -> None:
    """Nothing is divided by zero."""
    body = {**BODIES["spot.query_order.FILLED"], "executedQty": "0"}

    lookup = SPOT.read_find(answer(200, body), ORDER, SPOT.find(ORDER)[0])

    assert isinstance(lookup, Found)
    assert lookup.order.average_price is None


def test_a_spot_cancel_is_the_orders_end_under_the_orders_own_id() -> None:
    """`clientOrderId` is the cancel's."""
    body = {**BODIES["spot.cancel_order"], "executedQty": "0.25", "cummulativeQuoteQty": "0.5"}

    outcome = cancel_read(SPOT, answer(200, body), an_order(symbol="LTC/BTC"))

    assert isinstance(outcome, Cancelled)
    assert (outcome.order.client_order_id, outcome.order.symbol) == ("myOrder1", "LTC/BTC")
    assert (outcome.order.filled_quantity, outcome.order.average_price) == (Decimal("0.25"), Decimal(2))
    assert outcome.order.updated_at == datetime.fromtimestamp(1684804350.068, UTC)


def test_a_usdm_cancel_is_the_orders_end_without_a_price() -> None:
    """Since 2026-07 its answer has no avgPrice."""
    body = {**BODIES["usdm.new_order"], "status": "CANCELED", "executedQty": "3"}

    outcome = cancel_read(FUTURES, answer(200, body), ORDER)

    assert isinstance(outcome, Cancelled)
    assert (outcome.order.filled_quantity, outcome.order.average_price) == (Decimal(3), None)


@pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"])
def test_a_cancel_that_shows_a_living_order_is_not_its_end(status: str) -> None:
    """Only a terminal state is (R19)."""
    for dialect, name in ((SPOT, "spot.cancel_order"), (FUTURES, "usdm.new_order")):
        outcome = cancel_read(dialect, answer(200, {**BODIES[name], "status": status}), ORDER)

        assert isinstance(outcome, CancelAcknowledged)


def test_an_order_by_quote_amount_is_known_by_that_amount() -> None:
    """Its origQty is what came of it."""
    body = {**BODIES["spot.new_order.FULL"], "origQuoteOrderQty": "100.00000000", "origQty": "0.00123"}

    outcome = SPOT.read_create(answer(200, body), REQUEST)

    assert isinstance(outcome, Placed)
    assert (outcome.order.quantity, outcome.order.quote_amount) == (None, Decimal(100))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"expiryReason": "INSUFFICIENT_LIQUIDITY", "status": "EXPIRED"}, "INSUFFICIENT_LIQUIDITY"),
        ({"status": "EXPIRED_IN_MATCH"}, "self-trade prevention"),
        ({"status": "CANCELED"}, None),
    ],
)
def test_the_exchange_says_why_an_order_ended(changes: dict[str, str], reason: str | None) -> None:
    """`expiryReason`, where there is one."""
    body = {**BODIES["spot.query_order.FILLED"], **changes}

    lookup = SPOT.read_find(answer(200, body), ORDER, SPOT.find(ORDER)[0])

    assert isinstance(lookup, Found)
    assert lookup.order.reason == reason


@pytest.mark.parametrize(
    ("native", "own", "expected"),
    [
        ("BTCUSDT", "BTC/USDT", "BTC/USDT"),
        ("XBTCUSD", "XBTC/USD", "XBTC/USD"),
        ("USDCTRY", "USDC/TRY", "USDC/TRY"),
        ("ETHBTC", "BTC/USDT", "ETH/BTC"),
        ("BTCUSDT_261225", "BTC/USDT", "BTCUSDT_261225"),
    ],
)
def test_the_symbol_is_our_own_where_the_native_name_fits_it(native: str, own: str, expected: str) -> None:
    """Another's stays recognisably another's."""
    body = {**BODIES["spot.query_order.FILLED"], "symbol": native}

    lookup = SPOT.read_find(answer(200, body), an_order(symbol=own), SPOT.find(ORDER)[0])

    assert isinstance(lookup, Found)
    assert lookup.order.symbol == expected


def test_our_ids_without_a_state_prove_only_arrival() -> None:
    """An ACK; the ids of somebody else's order prove nothing."""
    ack = {"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": CLIENT_ID, "transactTime": 1507725176595}
    algo = {"algoId": 7, "clientAlgoId": CLIENT_ID, "algoStatus": "A_NEW_WORD"}

    assert SPOT.read_create(answer(200, ack), REQUEST) == Acknowledged("28")
    assert FUTURES.read_create(answer(200, {**ack, "status": "A_NEW_WORD"}), REQUEST) == Acknowledged("28")
    assert FUTURES.read_create(answer(200, algo), a_request(order_type=OrderType.STOP_MARKET)) == Acknowledged("7")
    assert isinstance(SPOT.read_create(answer(200, {**ack, "clientOrderId": "x"}), REQUEST), Unknown)
    assert isinstance(SPOT.read_create(answer(200, {**ack, "orderId": 0}), REQUEST), Unknown)


def test_only_minus_2013_is_an_absence() -> None:
    """And only as a refusal: anything else is a look-up that failed (R12)."""
    for dialect in (SPOT, FUTURES):
        call = dialect.find(ORDER)[0]

        assert dialect.read_find(error(-2013, "Order does not exist."), ORDER, call) == Absent()
        for other in (error(-2011), error(-2026), error(-2013, status=503), error(-2013, status=200), answer(404, "")):
            assert isinstance(dialect.read_find(other, ORDER, call), LookupFailed)


@pytest.mark.parametrize("body", [{}, [], None, "<html>", 5, {"orderId": 1}, {"orderId": True, "status": "FILLED"}])
def test_a_200_with_something_else_in_it_is_no_order(body: Any) -> None:
    """The answer to the test endpoint is `{}`."""
    for dialect in (SPOT, FUTURES):
        assert isinstance(dialect.read_create(answer(200, body), REQUEST), Unknown)
        assert isinstance(cancel_read(dialect, answer(200, body), ORDER), Unknown)
        assert isinstance(dialect.read_find(answer(200, body), ORDER, dialect.find(ORDER)[0]), LookupFailed)


@pytest.mark.parametrize("filled", ["-0.1", "1E+9999", "1E-9999", "NaN", "Infinity", "", "x", None, True, [1]])
def test_a_fill_that_cannot_be_is_no_order(filled: Any) -> None:
    """Fills are cumulative, and of a size that a market could have."""
    body = {**BODIES["spot.query_order.FILLED"], "executedQty": filled}

    for dialect in (SPOT, FUTURES):
        assert isinstance(dialect.read_find(answer(200, body), ORDER, dialect.find(ORDER)[0]), LookupFailed)


@given(status=st.just(200) | st.integers(100, 599), body=JSON | NEAR_ORDERS, stop=st.booleans())
def test_no_body_makes_it_raise_or_claim_what_is_not_there(status: int, body: Any, stop: bool) -> None:
    """No order without an id, no end without a terminal state, no absence without its code."""
    kind = OrderType.STOP_MARKET if stop else OrderType.LIMIT
    order, request, garbage = an_order(order_type=kind), a_request(order_type=kind), answer(status, body)

    for dialect in (SPOT, FUTURES):
        created, ended = dialect.read_create(garbage, request), cancel_read(dialect, garbage, order)
        looked = [dialect.read_find(garbage, order, call) for call in dialect.find(order)]

        assert not isinstance(created, Placed) or created.order.exchange_order_id.strip("0").isdigit()
        assert not isinstance(ended, Cancelled) or (status == 200 and ended.order.status.terminal)
        assert not isinstance(ended, Refused) or "restrictions" in str(body)
        assert not any(isinstance(result, Absent) for result in looked) or "-2013" in str(body)
        dialect.limits(garbage, dialect.cancel(order))


def test_words_of_the_tables_have_their_status() -> None:
    """One that is waiting for an order list is PENDING."""
    expected = {"PENDING_NEW": OrderStatus.PENDING, "PENDING_CANCEL": OrderStatus.OPEN, "NEW": OrderStatus.OPEN}

    for word, status in expected.items():
        lookup = SPOT.read_find(
            answer(200, {**BODIES["spot.query_order.FILLED"], "status": word}), ORDER, SPOT.find(ORDER)[0]
        )
        assert isinstance(lookup, Found)
        assert lookup.order.status is status
