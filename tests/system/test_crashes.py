"""The system with parts missing or killed: the same ends, later."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from infra.local.database import serve
from tests.system.stack import Stack, answers, free_port, order_ids, run_command, wait_for
from tests.system.test_stack import LIMIT, MARKET, cancel, row

Start = Callable[..., Stack]
ONE_KEY = {"BINANCE_API_KEY": "for both of its markets", "BINANCE_API_SECRET": "of which the simulator sees nothing"}


def test_without_stream_and_wake_up_the_schedules_reach_the_same_end(start: Start) -> None:
    """R30: READY orders are sent, and a cancel of a PENDING order is carried out."""
    stack = start("--no-stream", "--no-wake", schedule_seconds=1)
    who = stack.trade_on("s", {"place_delay_ms": 1500})
    (first,) = order_ids(stack.alert(**who, **LIMIT))
    (second,) = order_ids(stack.alert(**who, **{**LIMIT, "price": "40000"}))

    wait_for(lambda: stack.order(second)["placement"] == "SENDING", 15, "reconcile to send the order")
    answer = cancel(stack, second)
    stack.wait_order(first, "OPEN", 15)
    stack.wait_order(second, "CANCELLED", 15)

    assert answer.status_code == 202
    assert row(stack, second)["status"] == "SUCCESS"


def test_orders_that_are_ready_when_trading_is_switched_off_end_halted(start: Start) -> None:
    """R10, R24: new alerts are refused, cancels work."""
    stack = start("--no-stream", schedule_seconds=1)
    who = stack.trade_on("s", {})
    (ready,) = order_ids(stack.alert(**who, **LIMIT))
    switched = stack.call("PUT", "/api/v1/controls", {"trading_enabled": False})

    refused = stack.alert(**who, **MARKET)
    order = stack.wait_order(ready, "CANCELLED", 10)

    assert switched.json()["trading_enabled"] is False
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "TRADING_DISABLED")
    assert order["reason"] == "HALTED"


@pytest.mark.parametrize("kind", ["MARKET", "LIMIT"])
def test_kill_9_before_the_exchanges_answer_loses_neither_order_nor_cancel(start: Start, kind: str) -> None:
    """Everything but the database is killed; after the restart the order ends as the mock's book says."""
    with serve() as database:
        environment = {"AWS_ENDPOINT_URL_DYNAMODB": database.url, "MARKET_ORDER_TIMEOUT": "5"}
        stack = start(environment=environment, schedule_seconds=1)
        who = stack.trade_on("s", {"place_delay_ms": 3000})
        alert = LIMIT if kind == "LIMIT" else MARKET
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(_ignore_reset, stack, {**who, **alert})
            wait_for(lambda: _sending(stack), 5, "the order to be sent")
            (order,) = stack.call("GET", "/api/v1/orders?strategy_id=s").json()["items"]
            asked = cancel(stack, order["order_id"])
            stack.kill()
            answer.result()

        stack.start()
        ended = stack.wait_order(order["order_id"], "FILLED" if kind == "MARKET" else "CANCELLED", 40)
        wait_for(lambda: row(stack, order["order_id"])["status"] == "SUCCESS", 20, "the cancel to end")

        assert asked.status_code == 202
        assert ended["exchange_order_id"] == f"mock-{order['order_id']}"
        database.reset()


def test_an_api_process_that_is_killed_is_started_again(start: Start) -> None:
    """As Lambda would: the other processes go on, and nothing is lost."""
    stack = start()
    stack.trade_on("s", {})

    os.kill(stack.api_process(), signal.SIGKILL)
    wait_for(lambda: _answers(stack), 15, "the API to be back")

    assert stack.call("GET", "/api/v1/strategies/s").status_code == 200


def test_ctrl_c_ends_every_process(start: Start) -> None:
    """Exit status 0, nothing left running, the port free."""
    stack = start()
    api, simulator = stack.api_process(), stack.simulator()

    code = stack.stop()

    assert code == 0
    wait_for(lambda: not _lives(api), 5, "the API to end")
    wait_for(lambda: not answers(simulator), 5, "the simulator to end")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{stack.port}/ping")


def test_kill_9_of_the_parent_ends_every_process(start: Start) -> None:
    """No orphan processes either."""
    stack = start()
    api, simulator = stack.api_process(), stack.simulator()
    assert answers(simulator)

    assert stack._process is not None
    os.kill(stack._process.pid, signal.SIGKILL)

    wait_for(lambda: not _lives(api), 5, "the API to end")
    wait_for(lambda: not answers(simulator), 5, "the simulator to end")


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}, "AWS_ENDPOINT_URL_DYNAMODB"),
        ({"MAX_CANCEL_RETRIES": "many"}, "MAX_CANCEL_RETRIES"),
        ({"PORT": "eighty"}, "PORT"),
        ({"LOCAL_SCHEDULE_SECONDS": "0"}, "LOCAL_SCHEDULE_SECONDS"),
        ({"USE_MOCK_EXCHANGE": "perhaps"}, "USE_MOCK_EXCHANGE"),
        ({"BINANCE_SPOT_URL": "http://127.0.0.1:9", **ONE_KEY}, "BINANCE_FUTURES_URL"),
    ],
)
def test_a_start_that_cannot_be_is_one_line_that_names_the_setting(environment: dict[str, str], names: str) -> None:
    """No traceback."""
    ended = run_command([], {"PORT": str(free_port()), **environment})

    assert ended.returncode == 1
    assert names in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr


def test_a_busy_port_is_one_line_that_says_so(start: Start) -> None:
    """And what to do."""
    stack = start()

    ended = run_command([], {"PORT": str(stack.port)})

    assert ended.returncode == 1
    assert f"port {stack.port}" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr


def _ignore_reset(stack: Stack, alert: dict[str, Any]) -> None:
    try:
        stack.alert(**alert)
    except httpx.TransportError:
        return


def _sending(stack: Stack) -> bool:
    items = stack.call("GET", "/api/v1/orders?strategy_id=s").json()["items"]
    return bool(items) and items[0]["placement"] == "SENDING"


def _answers(stack: Stack) -> bool:
    try:
        return stack.client.get("/ping").status_code == 200
    except httpx.TransportError:
        return False


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    time.sleep(0)
    return True
