"""Bybit's orders as we see them, against golden answers (official examples; states and quantities derived)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import ExchangeOrder, Found, LookupFailed, OrderStatus, Side
from chalicelib.exchanges.bybit.dialect import BybitDialect
from tests.exchanges.bybit.wire import BODIES, LINEAR, SPOT, a_row, answer, golden, listed
from tests.exchanges.orders import a_request, an_order

STATES = [entry for entry in golden("responses")["entries"] if entry["unified_status"]]
STATUS = {"CANCELED": "CANCELLED", "PARTIALLY_FILLED": "OPEN"}
ETH = {"symbol": "ETH/USDT"}


def ours(row: dict[str, Any], **fields: Any) -> Order:
    """The order of ours that a row is about."""
    fields = {"symbol": row["symbol"].replace("USDT", "/USDT"), **fields}
    return an_order(order_id=row["orderLinkId"], **fields)


def seen(row: dict[str, Any], dialect: BybitDialect = LINEAR, **fields: Any) -> ExchangeOrder:
    """What a look-up makes of a row."""
    order = ours(row, **fields)
    lookup = dialect.read_find(listed(row), order, dialect.find(order)[0])
    assert isinstance(lookup, Found), lookup
    return lookup.order


@pytest.mark.parametrize("entry", STATES, ids=lambda entry: entry["id"])
def test_an_order_has_the_status_and_the_numbers_that_the_documents_say(entry: dict[str, Any]) -> None:
    """A spot market order that leaves a remainder is FILLED; what was filled in part was not rejected."""
    row = entry["body"]["result"]["list"][0]
    dialect = SPOT if "spot" in entry["id"] else LINEAR
    order = ours(row)

    lookup = dialect.read_find(answer(entry["body"], entry["http_status"]), order, dialect.find(order)[0])

    assert isinstance(lookup, Found)
    assert lookup.order.status == STATUS.get(entry["unified_status"], entry["unified_status"])
    assert lookup.order.filled_quantity == Decimal(row["cumExecQty"])
    assert (lookup.order.exchange_order_id, lookup.order.client_order_id) == (row["orderId"], row["orderLinkId"])
    assert lookup.order.side is Side.BUY


def test_a_market_buy_by_value_reports_its_amount_its_fill_and_its_price() -> None:
    """`qty` is then in the quote currency, the fill in base."""
    row = BODIES["realtime.PartiallyFilledCanceled_spot_market_buy_by_value"]["result"]["list"][0]

    order = seen(row, SPOT)

    assert (order.quantity, order.quote_amount) == (None, Decimal(160))
    assert (order.filled_quantity, order.average_price) == (Decimal("0.0999"), Decimal(1600))


@pytest.mark.parametrize(
    ("raw", "filled", "order_type", "status"),
    [
        ("Untriggered", "0", "Market", OrderStatus.OPEN),
        ("Triggered", "0", "Limit", OrderStatus.OPEN),
        ("PartiallyFilledCanceled", "0.04", "Limit", OrderStatus.CANCELLED),
        ("PartiallyFilledCanceled", "0.04", "Market", OrderStatus.FILLED),
        ("PartiallyFilledCanceled", "0", "Market", OrderStatus.CANCELLED),
        ("Cancelled", "0.04", "Market", OrderStatus.CANCELLED),
        ("Rejected", "0", "Market", OrderStatus.REJECTED),
        ("Rejected", "0.04", "Market", OrderStatus.CANCELLED),
        ("Deactivated", "", "Limit", OrderStatus.CANCELLED),
        ("Filled", "0.10", "Limit", OrderStatus.FILLED),
    ],
)
def test_other_states_of_the_table(raw: str, filled: str, order_type: str, status: OrderStatus) -> None:
    """By state, order type and fill."""
    assert seen(a_row(orderStatus=raw, cumExecQty=filled, orderType=order_type), SPOT).status is status


@pytest.mark.parametrize("raw", ["", "Created", "Active", "new", "FILLED", None])
def test_an_unknown_state_is_a_look_up_that_failed(raw: str | None) -> None:
    """It is not guessed at."""
    row = a_row(orderStatus=raw)

    assert isinstance(LINEAR.read_find(listed(row), ours(row), LINEAR.find(ours(row))[0]), LookupFailed)


@pytest.mark.parametrize(
    ("fields", "average"),
    [
        ({"avgPrice": "1600.5", "cumExecQty": "0.04", "cumExecValue": "64"}, Decimal("1600.5")),
        ({"avgPrice": "", "cumExecQty": "0.04", "cumExecValue": "64"}, Decimal(1600)),
        ({"avgPrice": "0", "cumExecQty": "0.04", "cumExecValue": "64"}, Decimal(1600)),
        ({"avgPrice": "", "cumExecQty": "0.04", "cumExecValue": ""}, None),
        ({"avgPrice": "0", "cumExecQty": "0.00", "cumExecValue": "0"}, None),
        ({"avgPrice": "1600", "cumExecQty": "0", "cumExecValue": "0"}, None),
    ],
)
def test_an_average_price_that_is_not_told_is_value_by_quantity(
    fields: dict[str, str], average: Decimal | None
) -> None:
    """And None without a fill: `avgPrice` may be "" or "0"."""
    assert seen(a_row(**fields)).average_price == average


def test_the_time_is_the_exchange_s_own() -> None:
    """Milliseconds since 1970, exactly."""
    assert seen(a_row(updatedTime="1684738540561")).updated_at == datetime(2023, 5, 22, 6, 55, 40, 561000, UTC)


@pytest.mark.parametrize("time", ["", "0", "soon", "9" * 30, "1e999999999", None])
def test_a_time_that_is_none_is_none(time: str | None) -> None:
    """Without an error, and without 1970."""
    assert seen(a_row(updatedTime=time)).updated_at is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rejectReason": "EC_PostOnlyWillTakeLiquidity"}, "EC_PostOnlyWillTakeLiquidity"),
        ({"cancelType": "CancelByUser"}, "CancelByUser"),
        ({"rejectReason": "EC_NoError", "cancelType": "UNKNOWN"}, None),
    ],
)
def test_why_an_order_ended_is_told(fields: dict[str, str], reason: str | None) -> None:
    """The reason of the rejection before the kind of the cancel."""
    assert seen(a_row(orderStatus="Cancelled", **fields)).reason == reason


@pytest.mark.parametrize(
    ("row", "request_fields", "by_amount"),
    [
        ({"marketUnit": "quoteCoin", "side": "Sell"}, {}, True),
        ({"marketUnit": "baseCoin", "side": "Buy"}, {"quantity": None, "quote_amount": Decimal("0.1")}, False),
        ({"side": "Buy"}, {}, False),
        ({"side": "Sell"}, {"quantity": None, "quote_amount": Decimal("0.1")}, True),
        ({"marketUnit": "", "side": "Buy"}, None, True),
        ({"side": "Sell"}, None, False),
    ],
)
def test_what_qty_counts_is_what_bybit_says_or_else_what_was_asked(
    row: dict[str, str], request_fields: dict[str, Any] | None, by_amount: bool
) -> None:
    """History may leave marketUnit out; of an order that is not ours Bybit's default holds."""
    request = None if request_fields is None else a_request(**request_fields)

    order = seen(a_row(orderType="Market", **row), SPOT, request=request)

    assert (order.quote_amount if by_amount else order.quantity) == Decimal("0.1")
    assert (order.quantity if by_amount else order.quote_amount) is None


def test_linear_counts_base_always() -> None:
    """A market buy too."""
    assert seen(a_row(orderType="Market", side="Buy")).quantity == Decimal("0.1")


@pytest.mark.parametrize(
    ("native", "unified"),
    [
        ("BTCUSDT", "BTC/USDT"),
        ("1000PEPEUSDT", "1000PEPE/USDT"),
        ("BTCUSDT-26DEC25", "BTCUSDT-26DEC25"),
        ("BTCPERP", "BTCPERP"),
    ],
)
def test_a_symbol_of_a_list_is_unified_where_it_can_be(native: str, unified: str) -> None:
    """Contracts that are not traded here do not spoil the list."""
    page = LINEAR.read_open_orders(listed(a_row(symbol=native)), LINEAR.open_orders()[0])

    assert [order.symbol for order in page.orders] == [unified]


def test_the_order_s_own_symbol_is_used_where_the_native_name_fits_it() -> None:
    """A pair whose name could be split in two ways."""
    row = a_row(symbol="BTCBRZ")

    assert seen(row, SPOT, symbol="BTC/BRZ").symbol == "BTC/BRZ"


def test_an_order_that_was_sent_is_recognised_as_ours() -> None:
    """R13: `0.10` is 0.1."""
    row = a_row(symbol="ETHUSDT", orderLinkId="c-1", qty="0.10")
    request = a_request(client_order_id="c-1", symbol="ETH/USDT", quantity=Decimal("0.1"))

    assert ours(row, request=request).is_same_as(seen(row, **ETH))
