"""The demo trades at Binance, Bybit and Upbit through the real adapters; a frozen process sends nothing stale."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from tests.system.stack import Stack, answers, order_ids, process_of, wait_for

DEMO = {"strategy": "demo", "token": "demo-webhook-token", "symbol": "BTCUSDT", "side": "buy"}
EXCHANGES = ["binance", "bybit", "upbit"]


def limit(stack: Stack, tag: str) -> list[str]:
    """A limit order on each exchange, below the market."""
    answer = stack.alert(**DEMO, order_type="LIMIT", quantity="0.001", price="50000", tag=tag)
    assert answer.status_code == 202
    return order_ids(answer)


def statuses(stack: Stack, ids: list[str]) -> list[str]:
    return [stack.order(order_id)["status"] for order_id in ids]


def test_the_demo_trades_on_three_exchanges(stack: Stack) -> None:
    """The printed line: one order at each, filled, at the market's price; limit orders rest and are cancelled."""
    bought = stack.alert(**DEMO, order_type="MARKET", quote_amount="100")
    ids = limit(stack, "rests")
    wait_for(lambda: statuses(stack, ids) == ["OPEN"] * 3, 10, "the limit orders to be open")

    cancelled = stack.alert(strategy="demo", token=DEMO["token"], order_type="CANCEL", tag="rests")

    results = bought.json()["execution_results"]
    assert bought.status_code == 200
    assert [(result["exchange"], result["status"]) for result in results] == [(name, "FILLED") for name in EXCHANGES]
    assert {result["average_price"] for result in results} == {"60000"}
    assert cancelled.json()["successful_accounts"] == 3
    assert [row["state"] for name in ids for row in stack.simulate("orders", client_id=name)] == ["canceled"] * 3


def test_a_cancel_while_pending_on_each_exchange(stack: Stack) -> None:
    """Each one takes the order and is slow to say so."""
    for exchange in EXCHANGES:
        stack.simulate("hold_answers", ms=2000, exchange=exchange, operation="create")
    ids = limit(stack, "slow")
    wait_for(lambda: {stack.order(name)["placement"] for name in ids} == {"SENDING"}, 5, "the orders to be sent")

    asked = [stack.call("POST", f"/api/v1/cancel-queue/orders/{order_id}/cancel") for order_id in ids]
    wait_for(lambda: statuses(stack, ids) == ["CANCELLED"] * 3, 10, "the orders to be cancelled")

    assert [answer.status_code for answer in asked] == [202] * 3
    assert [stack.call("GET", f"/api/v1/cancel-queue/{name}").json()["status"] for name in ids] == ["SUCCESS"] * 3
    assert [row["state"] for name in ids for row in stack.simulate("orders", client_id=name)] == ["canceled"] * 3


def test_with_the_mock_there_is_no_simulator(start: Callable[..., Stack]) -> None:
    """As before there were exchanges."""
    stack = start(environment={"USE_MOCK_EXCHANGE": "true"})

    answer = stack.alert(**DEMO, order_type="MARKET", quantity="0.01")

    assert [result["exchange"] for result in answer.json()["execution_results"]] == ["mock"] * 3
    assert answer.json()["successful_accounts"] == 3
    assert "exchanges the mock" in stack.output()


def test_an_exchange_of_ones_own_wins_and_never_sees_the_simulators_key(start: Callable[..., Stack]) -> None:
    """Without a key of the user's own nothing is sent there; the others are not touched."""
    stack = start(environment={"UPBIT_URL": "http://127.0.0.1:9"})

    answer = stack.alert(**DEMO, order_type="MARKET", quote_amount="100")

    assert [result["status"] for result in answer.json()["execution_results"]] == ["FILLED", "FILLED", "REJECTED"]
    assert answer.json()["execution_results"][2]["error"].startswith("account 'demo-upbit' has no credentials")


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, list[str]]]:
    """A stack whose simulator was killed and came back, and the orders that it forgot: one at each exchange, open."""
    stack = Stack(tmp_path_factory.mktemp("restarted") / "log").start()
    try:
        forgotten = limit(stack, "forgotten")
        wait_for(lambda: statuses(stack, forgotten) == ["OPEN"] * 3, 10, "the limit orders to be open")
        os.kill(process_of(f"infra.simulator --port {urlsplit(stack.simulator()).port} "), signal.SIGKILL)
        wait_for(lambda: "starting it again" in stack.output(), 5, "its end to be seen")
        wait_for(lambda: answers(stack.simulator()), 10, "the simulator to be back where it was")
        yield stack, forgotten
    finally:
        stack.stop()


def test_a_simulator_that_ends_is_started_again_where_it_was(restarted: tuple[Stack, list[str]]) -> None:
    """Without its orders, which is said; new ones are placed, and what it forgot is not taken for cancelled."""
    stack, forgotten = restarted

    bought = stack.alert(**DEMO, order_type="MARKET", quote_amount="100")
    cancelled = stack.alert(strategy="demo", token=DEMO["token"], order_type="CANCEL", tag="forgotten")

    assert "infra.simulator ended (-9); its orders and balances are gone; starting it again" in stack.output()
    assert [result["status"] for result in bought.json()["execution_results"]] == ["FILLED"] * 3
    assert cancelled.status_code == 200
    assert statuses(stack, forgotten) == ["OPEN"] * 3


def test_an_order_that_the_simulator_forgot_shares_its_id_with_no_other(restarted: tuple[Stack, list[str]]) -> None:
    """Else its cancel, which names it by that id, would end the other one."""
    stack, forgotten = restarted
    later = limit(stack, "later")
    wait_for(lambda: statuses(stack, later) == ["OPEN"] * 3, 10, "the limit orders to be open")
    known = {row[name] for row in stack.simulate("orders") for name in ("id", "uuid")}

    shared = {stack.order(order_id)["exchange_order_id"] for order_id in forgotten} & {str(name) for name in known}

    assert shared == set()


FROZEN_FOR = float(os.environ.get("FROZEN_FOR", "6.5"))
"""Seconds, longer than the time that creates have in these tests; a minute, when one has the time."""

CREATES_HAVE = {"MARKET_ORDER_TIMEOUT": "5"}


def alert_while_frozen(stack: Stack, when: Callable[[], object]) -> httpx.Response:
    """Send an alert for a market order and stop the process that serves it from that moment on, for a while."""
    process = stack.api_process()
    body = {**DEMO, "order_type": "MARKET", "quote_amount": "100"}
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stack.client.post, "/api/v1/webhook", json=body, timeout=FROZEN_FOR + 30)
        wait_for(when, 5, "the moment to freeze")
        os.kill(process, signal.SIGSTOP)
        try:
            time.sleep(FROZEN_FOR)
        finally:
            os.kill(process, signal.SIGCONT)
        return answer.result()


def creates(stack: Stack) -> list[str]:
    """Where requests to place an order arrived."""
    return sorted(row["venue"] for row in stack.simulate("requests", operation="create"))


def test_a_process_frozen_between_row_and_request_never_sends(start: Callable[..., Stack]) -> None:
    """R2: it asks for the time before it would send, and is stopped there. Nobody else looks at its orders meanwhile:
    that it sends nothing is its own doing, when it wakes past the deadline."""
    stack = start(environment=CREATES_HAVE, schedule_seconds=600)
    for exchange in ("binance", "bybit"):  # Upbit has no such question
        stack.simulate("fault", kind="reset", exchange=exchange, operation="time", times=2)
        stack.simulate("fault", kind="slow", exchange=exchange, operation="time", delay_ms=3000)

    def waiting() -> bool:
        orders = stack.call("GET", "/api/v1/orders?strategy_id=demo").json()["items"]
        return sorted(order["placement"] or order["status"] for order in orders) == ["FILLED", "SENDING", "SENDING"]

    answer = alert_while_frozen(stack, waiting)

    results = answer.json()["execution_results"]
    assert [result["status"] for result in results] == ["REJECTED", "REJECTED", "FILLED"]
    assert {result["error"] for result in results[:2]} == {"there was no time left to send the order"}
    assert creates(stack) == ["upbit"]


def test_a_process_frozen_until_it_is_answered_doubles_nothing(start: Callable[..., Stack]) -> None:
    """The exchanges had taken its orders. Others adopt them past the deadline, and it wakes to find them so."""
    stack = start(environment=CREATES_HAVE, schedule_seconds=1)
    for exchange in EXCHANGES:
        stack.simulate("hold_answers", ms=1500, exchange=exchange, operation="create")

    answer = alert_while_frozen(stack, lambda: len(stack.simulate("orders")) == 3)

    ids = order_ids(answer)
    wait_for(lambda: statuses(stack, ids) == ["FILLED"] * 3, 20, "the orders to be adopted")
    assert {stack.order(order_id)["history"][-1]["by"] for order_id in ids} <= {"reconcile", "sweep"}
    assert creates(stack) == ["binance-spot", "bybit-spot", "upbit"]
    assert sorted(row["client_id"] for row in stack.simulate("orders")) == sorted(ids)
