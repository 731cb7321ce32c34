"""Orders and the log of events, to read."""

from typing import Any

import pytest

from tests.api.desk import RESULT_FIELDS, ApiDesk


@pytest.fixture
def traded(api: ApiDesk) -> tuple[ApiDesk, dict[str, str]]:
    """Five orders of two strategies by name: filled, resting, ready, rejected, and one of ETH."""
    api.account()
    api.account("m2", {"success_rate": 0})
    api.strategy()
    api.strategy("s2", "m2")
    orders = {
        "filled": api.alert(alert_id="1").order_id,
        "resting": api.open_order(alert_id="2"),
        "ready": api.limit(alert_id="3").order_id,
        "rejected": api.alert(alert_id="4", strategy="s2").order_id,
        "eth": api.alert(alert_id="5", symbol="ETHUSDT").order_id,
    }
    return api, orders


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ["eth", "rejected", "ready", "resting", "filled"]),
        ("strategy_id=s1", ["eth", "ready", "resting", "filled"]),
        ("strategy_id=s2", ["rejected"]),
        ("strategy_id=s3", []),
        ("status=FILLED", ["eth", "filled"]),
        ("status=pending", ["ready"]),
        ("status=OPEN&strategy_id=s1", ["resting"]),
        ("status=OPEN&strategy_id=s2", []),
        ("symbol=ETHUSDT", ["eth"]),
        ("symbol=BTC%2FUSDT&strategy_id=s1", ["ready", "resting", "filled"]),
        ("symbol=BINANCE%3ABTCUSDT&status=FILLED", ["filled"]),
        ("symbol=nonsense", []),
    ],
)
def test_orders_are_listed_by_strategy_status_and_symbol(
    traded: tuple[ApiDesk, dict[str, str]], query: str, wanted: list[str]
) -> None:
    """Newest first; filters may be combined, and a symbol be spelled in any way."""
    api, orders = traded

    answer = api.get(f"orders?{query}")

    assert answer.status == 200
    assert set(answer.body) == {"items", "limit", "next_cursor"}
    assert [item["order_id"] for item in answer.body["items"]] == [orders[name] for name in wanted]


@pytest.mark.parametrize("query", ["", "strategy_id=s1&", "symbol=BTCUSDT&", "status=FILLED&strategy_id=s1&"])
def test_the_cursor_leads_through_every_order_once(traded: tuple[ApiDesk, dict[str, str]], query: str) -> None:
    """With every kind of filter."""
    api, _ = traded
    whole = [item["order_id"] for item in api.get(f"orders?{query}").body["items"]]
    found: list[str] = []
    cursor: str | None = ""

    while cursor is not None:
        page = api.get(f"orders?{query}limit=1" + (f"&cursor={cursor}" if cursor else "")).body
        found += [item["order_id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert found == whole


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("status=LIVE", "status"), ("strategy_id=a.b", "strategy_id")],
)
def test_a_parameter_out_of_range_is_422(api: ApiDesk, query: str, field: str) -> None:
    """And named."""
    answer = api.get(f"orders?{query}")

    assert (answer.status, answer.code, answer.fields) == (422, "VALIDATION_ERROR", [field])


def test_an_order_shows_its_history(traded: tuple[ApiDesk, dict[str, str]]) -> None:
    """Every state with its time and who caused it; the list leaves that out."""
    api, orders = traded

    order = api.order(orders["resting"])

    steps = [(entry["status"], entry["placement"], entry["by"]) for entry in order["history"]]
    assert steps == [("PENDING", "READY", "alert"), ("PENDING", "SENDING", "stream"), ("OPEN", None, "stream")]
    assert all(entry["at"].endswith("Z") and len(entry["at"]) == 27 for entry in order["history"])
    assert order["request"]["quantity"] == "0.1"
    assert "history" not in api.get("orders").body["items"][0]


def test_a_rejected_order_says_why(traded: tuple[ApiDesk, dict[str, str]]) -> None:
    """A reason for programs and an error for people."""
    api, orders = traded

    order = api.order(orders["rejected"])

    assert (order["status"], order["reason"]) == ("REJECTED", "REFUSED")
    assert order["error"]


def test_the_log_lists_a_strategy_s_events(traded: tuple[ApiDesk, dict[str, str]]) -> None:
    """Newest first, each with its results by account and counts that add up."""
    api, orders = traded

    answer = api.get("strategy-order-logs?strategy_id=s1")

    assert set(answer.body) == {"items", "limit", "next_cursor"}
    events: list[dict[str, Any]] = answer.body["items"]
    listed = [event["execution_results"][0]["order_id"] for event in events]
    assert listed == [orders[name] for name in ("eth", "ready", "resting", "filled")]
    assert set(events[0]["execution_results"][0]) == RESULT_FIELDS
    assert [event["settled"] for event in events] == [True, False, False, True]
    counts = [(event["total_accounts"], event["successful_accounts"], event["failed_accounts"]) for event in events]
    assert counts == [(1, 1, 0), (1, 0, 0), (1, 1, 0), (1, 1, 0)]


def test_the_log_is_listed_in_pages(traded: tuple[ApiDesk, dict[str, str]]) -> None:
    """A cursor where there is more, none where there is not."""
    api, _ = traded

    part = api.get("strategy-order-logs?strategy_id=s1&limit=3").body
    whole = api.get("strategy-order-logs?strategy_id=s1&limit=4").body

    assert part["items"] == whole["items"][:3]
    assert (part["next_cursor"] is None, whole["next_cursor"]) == (False, None)


def test_one_event_is_read_by_strategy_and_id(traded: tuple[ApiDesk, dict[str, str]]) -> None:
    """As the webhook's answer named it; under another strategy there is no such event."""
    api, _ = traded
    event = api.get("strategy-order-logs?strategy_id=s1").body["items"][0]

    found = api.get(f"strategy-order-logs/s1/{event['event_id']}")
    elsewhere = api.get(f"strategy-order-logs/s2/{event['event_id']}")

    assert (found.status, found.body) == (200, event)
    assert (elsewhere.status, elsewhere.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize("query", ["", "?limit=5", "?strategy_id="])
def test_the_log_needs_a_strategy(api: ApiDesk, query: str) -> None:
    """422, and says so."""
    answer = api.get(f"strategy-order-logs{query}")

    assert (answer.status, answer.code, answer.fields) == (422, "VALIDATION_ERROR", ["strategy_id"])


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x", "cursor=WyJzMiIsIngiXQ"])
def test_the_log_s_page_is_checked_too(api: ApiDesk, query: str) -> None:
    """A cursor of another strategy included."""
    answer = api.get(f"strategy-order-logs?strategy_id=s1&{query}")

    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize("path", ["orders", "orders?strategy_id=s1", "cancel-queue", "overview"])
def test_a_row_that_cannot_be_read_hides_no_other(
    traded: tuple[ApiDesk, dict[str, str]], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Newer code may have written it. It is left out, and an error names it."""
    api, orders = traded
    api.cancel(orders["ready"])
    before = api.get(path).body
    api.make_unreadable("orders", {"order_id": orders["resting"]})
    api.make_unreadable("cancel_queue", {"cancel_id": orders["ready"]})

    answer = api.get(path)

    assert answer.status == 200
    if path == "overview":
        assert answer.body["orders_seen"] == before["orders_seen"] - 1
    else:
        assert len(answer.body["items"]) == len(before["items"]) - 1
    assert [record for record in caplog.records if "cannot be read" in record.message]
