"""The whole job on the running system: alert, queued cancel, stream, sweep with backoff, proof."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.system.stack import Stack, order_ids, wait_for

ORDER = {"side": "buy", "symbol": "BTCUSDT", "quantity": "0.1"}
MARKET = {"order_type": "MARKET", **ORDER}
LIMIT = {"order_type": "LIMIT", "price": "50000", **ORDER}


def cancel(stack: Stack, order_id: str) -> Any:
    return stack.call("POST", f"/api/v1/cancel-queue/orders/{order_id}/cancel")


def row(stack: Stack, order_id: str) -> dict[str, Any]:
    return stack.call("GET", f"/api/v1/cancel-queue/{order_id}").json()


def test_twenty_identical_alerts_at_once_are_one_event_with_one_order_for_each_account(stack: Stack) -> None:
    """Over real HTTP, in a threaded server, against the real transaction."""
    who = stack.trade_on("storm", {}, {}, {})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: stack.alert(**who, **MARKET), range(20)))

    bodies = [answer.json() for answer in answers]
    assert {answer.status_code for answer in answers} == {200}
    assert len({body["event_id"] for body in bodies}) == 1
    assert sum(not body["duplicate"] for body in bodies) == 1
    orders = stack.call("GET", "/api/v1/orders?strategy_id=storm").json()["items"]
    assert sorted(order["account_id"] for order in orders) == ["storm-1", "storm-2", "storm-3"]


def test_a_cancel_while_pending_is_carried_out_within_a_second_of_the_acknowledgement(stack: Stack) -> None:
    """The hard case that the system exists for."""
    who = stack.trade_on("slow", {"place_delay_ms": 2000})
    (order_id,) = order_ids(stack.alert(**who, **LIMIT))
    wait_for(lambda: stack.order(order_id)["placement"] == "SENDING", 5, "the order to be sent")

    answer = cancel(stack, order_id)
    second = cancel(stack, order_id)
    order = stack.wait_order(order_id, "CANCELLED", 6)

    assert (answer.status_code, answer.json()["status"], answer.json()["immediate"]) == (202, "queued", False)
    assert (second.status_code, second.json()["error"]["code"]) == (409, "ALREADY_QUEUED")
    opened, cancelled = (_at(order, status) for status in ("OPEN", "CANCELLED"))
    assert (cancelled - opened).total_seconds() < 1
    assert row(stack, order_id)["status"] == "SUCCESS"


def test_an_open_order_is_cancelled_in_the_same_call(stack: Stack) -> None:
    """200, proven, and no queue id to look after; a filled order is 409, an unknown one 404."""
    who = stack.trade_on("open", {})
    (order_id,) = order_ids(stack.alert(**who, **LIMIT))
    (filled_id,) = order_ids(stack.alert(**who, **MARKET))
    stack.wait_order(order_id, "OPEN", 5)

    answers = [cancel(stack, order_id), cancel(stack, filled_id), cancel(stack, "nobody")]

    assert [answer.status_code for answer in answers] == [200, 409, 404]
    assert (answers[0].json()["status"], answers[0].json()["cancel_queue_id"]) == ("cancelled", None)
    assert answers[1].json()["error"]["details"][0]["status"] == "FILLED"


def test_refused_cancels_are_retried_on_the_second_and_fail_after_five(stack: Stack) -> None:
    """Attempts at 0, 2, 6, 14 and 30 s, each at its next_retry_at and not at the schedule's next minute; retry
    redrives. On a machine that does nothing else it is a tenth of a second; here other tests run beside it."""
    who = stack.trade_on("refusing", {})
    (order_id,) = order_ids(stack.alert(**who, **LIMIT))
    stack.wait_order(order_id, "OPEN", 5)
    stack.set_options("refusing-1", success_rate=0, delay_ms=0)

    assert cancel(stack, order_id).status_code == 202
    seen: dict[int, dict[str, Any]] = {}
    while not seen or max(seen) < 5:
        state = row(stack, order_id)
        if state["status"] != "PROCESSING":
            seen.setdefault(state["retry_count"], state)
        time.sleep(0.05)

    due = {count: _time(state["next_retry_at"]) for count, state in seen.items()}
    happened = {count: _time(state["updated_at"]) for count, state in seen.items()}
    waits = [(due[count] - happened[count]).total_seconds() for count in range(1, 5)]
    late = [(happened[count + 1] - due[count]).total_seconds() for count in range(1, 5)]
    assert [round(wait) for wait in waits] == [2, 4, 8, 16]
    assert max(late) < 2, late
    assert (seen[5]["status"], seen[5]["retry_count"]) == ("FAILED", 5)

    stack.set_options("refusing-1", success_rate=1, delay_ms=0)
    assert stack.call("POST", f"/api/v1/cancel-queue/{order_id}/retry").status_code == 202
    stack.wait_order(order_id, "CANCELLED", 3)


def test_a_fault_of_the_exchange_is_no_end(stack: Stack) -> None:
    """unknown_order on every cancel: never called cancelled; when the fault is gone, it is cancelled."""
    who = stack.trade_on("unknown", {})
    (order_id,) = order_ids(stack.alert(**who, **LIMIT))
    stack.wait_order(order_id, "OPEN", 5)
    stack.set_options("unknown-1", fault="unknown_order", success_rate=1, delay_ms=0)

    answer = cancel(stack, order_id)
    time.sleep(3)
    meanwhile, state = stack.order(order_id), row(stack, order_id)
    stack.set_options("unknown-1", success_rate=1, delay_ms=0)
    stack.wait_order(order_id, "CANCELLED", 10)

    assert (answer.status_code, meanwhile["status"]) == (202, "OPEN")
    assert (state["status"] in ("PENDING", "PROCESSING"), state["retry_count"]) == (True, 0)


def test_a_lost_answer_ends_adopted(stack: Stack) -> None:
    """timeout_after: the exchange took the order; the inline call finds it."""
    who = stack.trade_on("lost", {"fault": "timeout_after"})

    answer = stack.alert(**who, **MARKET)

    (result,) = answer.json()["execution_results"]
    assert (answer.status_code, result["status"]) == (200, "FILLED")


def test_the_api_answers_while_an_account_is_slow(stack: Stack) -> None:
    """One account's delay is its own."""
    who = stack.trade_on("waiting", {"place_delay_ms": 3000})
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(stack.alert, **who, **MARKET)
        started = time.monotonic()

        answer = stack.call("GET", "/health")

        assert answer.json()["database"] == "connected"
        assert time.monotonic() - started < 1
        assert slow.result().status_code == 200


def test_the_logs_tell_the_story_and_no_secret(stack: Stack) -> None:
    """JSON lines with the ids; tokens in none of them."""
    who = stack.trade_on("logged", {})
    (order_id,) = order_ids(stack.alert(**who, **MARKET))

    wait_for(lambda: stack.output().count(order_id) >= 2, 5, "the log to name the order")
    printed = stack.output().split("Ctrl-C stops everything.")[1]

    assert '"account_id":"logged-1"' in printed
    assert who["token"] not in printed
    assert "system-test-admin" not in printed


def _at(order: dict[str, Any], status: str) -> datetime:
    return next(_time(entry["at"]) for entry in order["history"] if entry["status"] == status)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
