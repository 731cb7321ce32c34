"""Where Bybit is asked for an order, and when it is absent."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import Absent, Found, LookupFailed
from chalicelib.exchanges.bybit.dialect import BybitDialect
from tests.exchanges.bybit.wire import BODIES, DIALECTS, LINEAR, SPOT, a_row, answer, listed, received, said
from tests.exchanges.orders import CLIENT_ID, an_order

REALTIME, HISTORY, FILLS = "/v5/order/realtime", "/v5/order/history", "/v5/execution/list"
OURS = a_row(orderLinkId=CLIENT_ID, symbol="BTCUSDT")
BOTH = pytest.mark.parametrize("dialect", [SPOT, LINEAR], ids=["spot", "linear"])


@pytest.mark.parametrize("market", DIALECTS)
def test_an_order_is_asked_for_by_its_full_client_id_in_every_list(market: str) -> None:
    """Open and recently closed, then history, then fills."""
    order = an_order(attempt=2)
    asked = {"category": market, "symbol": "BTCUSDT", "orderLinkId": f"{CLIENT_ID}-2"}

    calls = DIALECTS[market].find(order)

    assert [(call.path, call.params) for call in calls] == [(REALTIME, asked), (HISTORY, asked), (FILLS, asked)]


@BOTH
def test_an_order_whose_id_is_known_is_asked_for_by_that(dialect: BybitDialect) -> None:
    """By either id, never by both."""
    for call in dialect.find(an_order(exchange_order_id="161")):
        assert call.params["orderId"] == "161"
        assert "orderLinkId" not in call.params


@pytest.mark.parametrize("kind", [OrderType.STOP_MARKET, OrderType.STOP_LIMIT])
def test_a_spot_stop_is_looked_for_among_all_kinds_and_among_stops(kind: OrderType) -> None:
    """A triggered one is no stop any more; without a filter a classic account shows none."""
    calls = SPOT.find(an_order(order_type=kind, stop_price=Decimal(1)))

    assert [(call.path, call.params.get("orderFilter")) for call in calls] == [
        (REALTIME, None),
        (REALTIME, "StopOrder"),
        (HISTORY, None),
        (HISTORY, "StopOrder"),
        (FILLS, None),
    ]


@BOTH
def test_an_order_is_found_in_realtime_and_in_history(dialect: BybitDialect) -> None:
    """Rows look the same."""
    for call in dialect.find(an_order())[:2]:
        lookup = dialect.read_find(listed(OURS), an_order(), call)

        assert isinstance(lookup, Found)
        assert (lookup.order.client_order_id, lookup.order.symbol) == (CLIENT_ID, "BTC/USDT")


@BOTH
def test_an_empty_list_is_an_absence_in_that_list(dialect: BybitDialect) -> None:
    """Bybit answers 0 to an unknown id."""
    assert [dialect.read_find(listed(), an_order(), call) for call in dialect.find(an_order())] == [Absent()] * 3


def test_fills_without_their_order_are_no_absence() -> None:
    """The lists lag behind."""
    fill = {"orderId": "161", "orderLinkId": CLIENT_ID, "execQty": "0.01"}

    lookup = SPOT.read_find(listed(fill), an_order(), SPOT.find(an_order())[-1])

    assert lookup == LookupFailed("the order's fills are shown, the order is not yet")


def test_other_orders_than_the_one_asked_for_are_no_absence() -> None:
    """Nor are they ours."""
    known = an_order(exchange_order_id="161")

    for order, row in ((an_order(), a_row()), (known, a_row()), (known, OURS)):
        lookup = SPOT.read_find(listed(row, "row", None), order, SPOT.find(order)[0])

        assert isinstance(lookup, LookupFailed)


def test_the_order_is_picked_out_of_several() -> None:
    """By the id that it was asked for by."""
    order = an_order(exchange_order_id="161")

    lookup = SPOT.read_find(listed(a_row(), {**OURS, "orderId": "161"}), order, SPOT.find(order)[0])

    assert isinstance(lookup, Found)
    assert lookup.order.exchange_order_id == "161"


@pytest.mark.parametrize(
    "failed",
    [
        said(10000, "Server Timeout"),
        said(10002),
        said(10006),
        said(110001, "order not exists"),
        said(0, "OK", {"list": None}),
        said(0, "OK", {}),
        listed().__class__(500, {}, "", listed().body),
        answer("", 403),
        answer("<html>504</html>", 504),
        answer("<html>"),
        answer(""),
        listed({**OURS, "side": "None"}),
        listed({**OURS, "symbol": None}),
        listed({**OURS, "orderId": ""}),
    ],
    ids=lambda failed: f"{failed.status} {failed.text[:50]}",
)
@BOTH
def test_a_look_up_that_fails_is_no_absence(dialect: BybitDialect, failed: Any) -> None:
    """R12: not a sighting."""
    for call in dialect.find(an_order()):
        assert isinstance(dialect.read_find(failed, an_order(), call), LookupFailed)


@given(status=st.integers(100, 599), body=st.recursive(st.none() | st.text() | st.integers(), st.lists) | st.text())
def test_garbage_is_neither_found_nor_absent(status: int, body: Any) -> None:
    """And never an error."""
    for call in SPOT.find(an_order()):
        assert isinstance(SPOT.read_find(answer(body, status), an_order(), call), LookupFailed)


FIELDS = (
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["1e999999999", "NaN", "-1", "0E+9999"])
)


@given(row=st.dictionaries(st.sampled_from(sorted(OURS)), FIELDS))
def test_no_row_makes_it_raise(row: dict[str, Any]) -> None:
    """An order with odd fields is found or not read, never an error; its numbers are finite."""
    odd = listed({**OURS, **row, "orderLinkId": CLIENT_ID})

    lookup = LINEAR.read_find(odd, an_order(), LINEAR.find(an_order())[0])

    assert isinstance(lookup, Found | LookupFailed)
    if isinstance(lookup, Found):
        assert lookup.order.filled_quantity.is_finite()


def test_open_orders_are_read_of_all_kinds_and_symbols() -> None:
    """Linear wants a coin."""
    (spot,), (linear,) = SPOT.open_orders(), LINEAR.open_orders()

    assert (spot.path, spot.params) == (REALTIME, {"category": "spot", "limit": "50"})
    assert (linear.path, linear.params) == (REALTIME, {"category": "linear", "settleCoin": "USDT", "limit": "50"})


def test_open_orders_go_on_by_the_cursor_as_it_came() -> None:
    """It comes percent-encoded and must not be encoded twice."""
    first = LINEAR.open_orders()[0]
    cursor = BODIES["realtime.New"]["result"]["nextPageCursor"]

    page = LINEAR.read_open_orders(answer(BODIES["realtime.New"]), first)

    assert [order.symbol for order in page.orders] == ["ETH/USDT"]
    assert page.next_call is not None
    assert f"cursor={cursor}" in received(page.next_call).url.query.decode()
    assert httpx.QueryParams(received(page.next_call).url.query)["settleCoin"] == "USDT"


@pytest.mark.parametrize("last", [listed(OURS), listed(cursor="more"), listed(OURS, cursor="same%3D1")])
def test_open_orders_end_without_a_cursor_without_rows_or_where_the_cursor_stands_still(last: Any) -> None:
    """No endless reading."""
    first = SPOT.read_open_orders(listed(OURS, cursor="same%3D1"), SPOT.open_orders()[0])
    assert first.next_call is not None

    assert SPOT.read_open_orders(last, first.next_call).next_call is None


@pytest.mark.parametrize(
    "broken", [said(10006), answer("<html>", 502), said(0), listed({}), listed("row"), answer(""), answer([])]
)
def test_an_answer_that_is_no_list_of_orders_is_an_error(broken: Any) -> None:
    """An incomplete list is no list."""
    with pytest.raises(ValueError, match="no "):
        SPOT.read_open_orders(broken, SPOT.open_orders()[0])
