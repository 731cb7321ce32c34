"""10,000 orders and 5,000 queue rows: each list, and the overview, are one page and a bounded number of requests."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import runtime
from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.store.rows import to_model
from chalicelib.store.tables import MODELS
from tests.api.desk import ApiDesk
from tests.conftest import PREFIX, REGION
from tests.store import rows
from tests.store.wire import Wire

ORDERS, CANCELS = 10_000, 5_000
RARE = "ETH/USDT"
"""The symbol of one order in 200."""

DAYS = 95
"""More than lists reach back: tomorrow, and 92 days before today."""

VIEWS = {
    "overview": 20,
    "orders?limit=100": 2 + 91,
    "orders?status=FILLED&limit=100": 20 + 91,
    "orders?status=EXPIRED&limit=100": 20 + 91,
    "orders?symbol=XRPUSDT&limit=100": 20 + 91,
    "orders?strategy_id=s1&limit=100": 1,
    "orders?strategy_id=s1&status=EXPIRED&limit=100": 10,
    "cancel-queue?limit=100": 2 + 91,
    "cancel-queue?limit=100&offset=1000": 2 + 91,
    "cancel-queue?status=FAILED&limit=100": 1,
    "cancel-queue?status=FAILED&limit=100&offset=1000": 2,
    "strategy-order-logs?strategy_id=s1&limit=100": 1,
    "strategies": 1,
    "accounts": 1,
}
"""How many DynamoDB requests each may take at most."""


@pytest.fixture(scope="module")
def busy(lay_tables: Any) -> Iterator[None]:
    """The rows are put into the embedded database's memory: over HTTP they would take a minute. Half of the orders are
    of today, the rest of the quarter before; each strategy has half of them, and none is EXPIRED."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.dynamodb.models import dynamodb_backends

    lay_tables()
    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables
    now = runtime.services().clock.now()
    statuses = [status for status in OrderStatus if status is not OrderStatus.EXPIRED]
    for number in range(ORDERS):
        at = _moment(now, number, ORDERS)
        symbol = RARE if number % 200 == 0 else "BTC/USDT"
        order = rows.order(
            statuses[number % len(statuses)],
            created_at=at,
            updated_at=at,
            symbol=symbol,
            strategy_id=f"s{1 + number % 2}",
            event_id=f"event-{number // 3}",
        )
        tables[f"{PREFIX}-orders"].put_item(_item(order))
    for number in range(CANCELS):
        at = _moment(now, number, CANCELS)
        request = rows.cancel_request(list(CancelStatus)[number % 4], created_at=at, updated_at=at, next_retry_at=at)
        tables[f"{PREFIX}-cancel_queue"].put_item(_item(request))
    for number in range(500):
        tables[f"{PREFIX}-strategy_order_logs"].put_item(_item(rows.event(-number)))
    yield
    lay_tables()


@pytest.fixture
def api(busy: None) -> ApiDesk:
    """The app on all these rows."""
    from chalice.test import Client

    import app

    return ApiDesk(Client(app.app).http, app, None)


@pytest.fixture
def wire(api: ApiDesk) -> Iterator[Wire]:
    """What the app sends to its database. A process has one set of tables, bound to whoever came last: here, that
    may have been another file's database."""
    table: Any = MODELS[Order]
    with Wire(table._get_connection().connection.client) as wire:
        yield wire


@pytest.mark.parametrize(("view", "most"), VIEWS.items(), ids=VIEWS)
def test_a_view_is_one_page_of_a_bounded_number_of_requests(api: ApiDesk, wire: Wire, view: str, most: int) -> None:
    """However many rows there are."""
    answer = api.get(view)

    assert answer.status == 200
    assert len(answer.body.get("items", ())) <= 100
    assert answer.body.get("orders_seen", 0) <= 100
    assert 0 < len(distinct(wire)) <= most


def test_the_overview_counts_all_up_to_its_bound(api: ApiDesk, wire: Wire) -> None:
    """1,000 of each, and says so."""
    shown = api.get("overview").body

    assert shown["cancels"] == {"PENDING": 1000, "PROCESSING": 1000, "FAILED": 1000}
    assert shown["counted_up_to"] == 1000
    assert shown["orders_seen"] == 100
    counts = [request.body["Limit"] for request in wire.requests if request.body.get("Select") == "COUNT"]
    assert set(counts) == {1000}


def test_a_rare_filter_is_followed_by_its_cursor_to_the_end(api: ApiDesk) -> None:
    """Pages may be short, or empty; none repeats an order, and the last has no cursor."""
    seen: list[str] = []
    cursor, pages = "", 0
    while cursor is not None:
        page = api.get(f"orders?strategy_id=s1&symbol={RARE}&limit=20&cursor={cursor}").body
        seen += [order["order_id"] for order in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1

    assert len(seen) == len(set(seen)) == ORDERS // 200
    assert 3 <= pages <= 10


def distinct(wire: Wire) -> set[str]:
    """The requests, each once: on a busy machine one that is not answered in time is sent again."""
    return {json.dumps(request.body, sort_keys=True) for request in wire.requests}


def _moment(now: Any, number: int, count: int) -> Any:
    """The first half within the last minutes, the rest spread over the days before."""
    if number < count // 2:
        return now - timedelta(milliseconds=number)
    return now - timedelta(days=DAYS * (number - count // 2) / (count // 2))


def _item(row: Any) -> dict[str, Any]:
    item: dict[str, Any] = to_model(replace(row)).serialize()
    return item
