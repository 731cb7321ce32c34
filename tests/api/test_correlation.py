"""One id from the alert through stream and sweep to the cancel, in every log line."""

import asyncio
import io
import json
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import runtime
from chalicelib.aws.waker import LambdaWaker
from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.clock import SystemClock
from chalicelib.domain.correlation import begin_invocation, correlate, log_ids
from chalicelib.domain.errors import DatabaseUnavailableError
from chalicelib.domain.events import EventLog
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import ExchangeOrder
from chalicelib.domain.ports import Update
from chalicelib.store.database import Database
from chalicelib.store.mock_book import TableMockBook
from infra.local.context import LocalContext
from tests.api.desk import ADMIN, ALERT, ApiDesk
from tests.conftest import PREFIX

ALERT_HEADERS = {"Content-Type": "text/plain; charset=utf-8"}
PATIENCE = 10.0
PAST = "2026-01-01T00:00:00.000000Z"


@dataclass(frozen=True)
class Called:
    """What API Gateway was answered, and the id that it had given the request."""

    request_id: str
    status: int
    headers: Mapping[str, str]
    body: Any


class Deployment:
    """The entry points of app.py, given the events and contexts that AWS gives them; and what they logged."""

    def __init__(self, desk: ApiDesk, logged: io.StringIO) -> None:
        self.desk = desk
        self._app = desk.functions
        self._logged = logged
        self._calls = 0
        self.records_tell_events = True

    def http(self, method: str, route: str, body: Any = None, **parameters: str) -> Called:
        """A call of API Gateway's; a webhook's is without the admin token."""
        self._calls += 1
        chosen_by_caller = f"c6af9ac6-7b61-11e6-9a41-{self._calls:012d}"
        headers = ALERT_HEADERS if route.endswith("/webhook") else ADMIN
        event = gateway_event(method, route, parameters, headers, body, chosen_by_caller)
        context = LocalContext("api_handler", 29.0)
        answer = self._app.app(event, context)
        return Called(
            str(context.aws_request_id), answer["statusCode"], answer["headers"], json.loads(answer["body"] or "null")
        )

    def alert(self, **fields: Any) -> Called:
        return self.http("POST", "/api/v1/webhook", {**ALERT, **fields})

    def limit(self, **fields: Any) -> tuple[str, str]:
        """A LIMIT alert; its event's id and its order's."""
        answer = self.alert(order_type="LIMIT", price="50000", **fields)
        assert answer.status == 202
        return answer.body["event_id"], answer.body["execution_results"][0]["order_id"]

    def cancel(self, order_id: str) -> Called:
        return self.http("POST", "/api/v1/cancel-queue/orders/{order_id}/cancel", order_id=order_id)

    def place_ready(self, *order_ids: str) -> str:
        """Hand the rows over as the stream does; returns the invocation's id."""
        return self._invoke("place_ready", {"Records": [self.record(order_id) for order_id in order_ids]})

    def fire_cancels(self, *order_ids: str) -> str:
        old = {"status": {"S": "PENDING"}}
        return self._invoke("fire_cancels", {"Records": [self.record(order_id, old) for order_id in order_ids]})

    def schedule(self, function: str, seconds: float = 60.0) -> str:
        """Fire sweep or reconcile as EventBridge does."""
        fixed = {"version": "0", "id": "fe8d3c65", "detail-type": "Scheduled Event", "source": "aws.events"}
        place = {"account": "123456789012", "region": "us-east-1", "resources": [f"arn:aws:events:::rule/{function}"]}
        return self._invoke(function, {**fixed, **place, "time": "2026-11-21T03:20:00Z", "detail": {}}, seconds)

    def lines(self) -> list[dict[str, Any]]:
        """All that was logged; asserts that each line is JSON, and has both ids."""
        lines = [json.loads(line) for line in self._logged.getvalue().splitlines()]
        assert lines
        assert [line for line in lines if not line.get("correlation_id") or not line.get("request_id")] == []
        return lines

    def said_in(self, request_id: str) -> list[dict[str, Any]]:
        """The lines of one invocation."""
        return [line for line in self.lines() if line["request_id"] == request_id]

    def said_about(self, order_id: str) -> list[dict[str, Any]]:
        """The lines in which the order stands, wherever."""
        return [line for line in self.lines() if order_id in json.dumps(line)]

    def record(self, order_id: str, old: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """With a number of its own, and what else a record has."""
        (record,) = self.desk.record(order_id, old)["Records"]
        change = {**record["dynamodb"], "SequenceNumber": order_id, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        if not self.records_tell_events:
            del change["NewImage"]["event_id"]
        return {**record, "eventID": f"of-{order_id}", "eventVersion": "1.1", "dynamodb": change}

    def _invoke(self, function: str, event: dict[str, Any], seconds: float = 60.0) -> str:
        context = LocalContext(function, seconds)
        getattr(self._app, function)(event, context)
        return str(context.aws_request_id)


def gateway_event(
    method: str, route: str, parameters: Mapping[str, str], headers: Mapping[str, str], body: Any, request_id: str
) -> dict[str, Any]:
    """A REST API's proxy event."""
    path = route.format(**parameters)
    return {
        "resource": route,
        "path": path,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "abc123",
            "resourcePath": route,
            "httpMethod": method,
            "path": f"/api{path}",
            "stage": "api",
            "requestId": request_id,
            "extendedRequestId": "JKJaXmPLvHcESHA=",
            "apiId": "70ixmpl4fl",
            "identity": {"sourceIp": "52.89.214.238", "userAgent": "Go-http-client/1.1"},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


class HeldBook:
    """Orders reach the mock's book, and its answers wait until they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, orders: int = 1, failing: bool = False) -> None:
        """`failing`: the adapter then breaks, naming the order."""
        self.full = threading.Event()
        self._released = threading.Event()
        self._missing = orders
        self._failing = failing
        self._add = TableMockBook.add
        monkeypatch.setattr(TableMockBook, "add", lambda book, account_id, order: self._hold(book, account_id, order))

    def let_go(self) -> None:
        self._released.set()

    async def _hold(self, book: TableMockBook, account_id: str, order: ExchangeOrder) -> bool:
        added = await self._add(book, account_id, order)
        self._missing -= 1
        if self._missing == 0:
            self.full.set()
        assert await asyncio.to_thread(self._released.wait, PATIENCE)
        if self._failing:
            raise RuntimeError(f"no answer for {order.client_order_id}")
        return added


@pytest.fixture
def deployment(desk: ApiDesk, logged: io.StringIO) -> Deployment:
    """Account m1 and strategy s1, ready to trade."""
    logged.truncate(0)
    logged.seek(0)
    return Deployment(desk, logged)


def ids_of(lines: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(line["correlation_id"]) for line in lines}


def messages(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(line["message"]) for line in lines]


def test_one_id_leads_from_the_alert_to_the_end_of_the_cancel(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIMIT alert, stream, a cancel over HTTP while the order is PENDING, a refusal, the sweep."""
    event_id, order_id = deployment.limit()
    book = HeldBook(monkeypatch)
    placing = threading.Thread(target=deployment.place_ready, args=(order_id,))
    placing.start()
    assert book.full.wait(PATIENCE)
    asked = deployment.cancel(order_id)
    deployment.desk.account(options={"success_rate": 0})
    book.let_go()
    placing.join(PATIENCE)
    deployment.desk.account()
    deployment.fire_cancels(order_id)
    change_request(deployment.desk, order_id, next_retry_at=datetime.now(UTC))
    too_late = deployment.schedule("sweep", seconds=1.05)
    swept = deployment.schedule("sweep")

    assert asked.status == 202
    assert deployment.desk.order(order_id)["status"] == "CANCELLED"
    mine = deployment.said_about(order_id)
    assert ids_of(mine) == {event_id}
    steps = ["order SENDING", "cancel requested", "create answered: Placed", "order OPEN", "cancel answered: Refused"]
    ends = ["cancel request PENDING", "cancel answered: Cancelled", "order CANCELLED"]
    assert [text for text in messages(mine) if text in steps + ends] == steps + ends
    assert "alert accepted" in messages(line for line in deployment.lines() if line["correlation_id"] == event_id)
    assert "cancel handed on to the sweep" in messages(line for line in mine if line["request_id"] == too_late)
    assert ids_of(line for line in deployment.said_in(swept) if "[Iteration" in line["message"]) == {swept}


def test_a_cancel_over_http_is_found_by_its_order_s_event_and_by_its_call(deployment: Deployment) -> None:
    """What the call was refused for is said in the calling thread, and belongs to the same event."""
    event_id, order_id = deployment.limit()
    done = deployment.cancel(order_id)
    again = deployment.cancel(order_id)

    assert (done.status, again.status) == (202, 409)
    assert "cancel requested" in messages(deployment.said_in(done.request_id))
    assert messages(deployment.said_in(again.request_id)) == ["request refused: ORDER_NOT_CANCELLABLE"]
    both = deployment.said_in(done.request_id) + deployment.said_in(again.request_id)
    assert ids_of(both) == {event_id}


def test_what_follows_in_the_same_process_is_not_about_that_event(deployment: Deployment) -> None:
    """A container serves many calls, one after the other."""
    _, order_id = deployment.limit()
    deployment.cancel(order_id)

    unknown = deployment.cancel("nobody-s")
    swept = deployment.schedule("sweep")

    assert unknown.status == 404
    assert ids_of(deployment.said_in(unknown.request_id)) == {unknown.request_id}
    assert ids_of(deployment.said_in(swept)) <= {swept}


@pytest.mark.parametrize("told", [True, False])
def test_events_of_one_stream_batch_do_not_mix(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """Both are under way at once, and the lines of the adapters' failures name no event by themselves; also where
    the record, which is a hint, does not say of which event it is (R30)."""
    deployment.records_tell_events = told
    placed = [deployment.limit(), deployment.limit(quantity="0.2")]
    book = HeldBook(monkeypatch, orders=2, failing=True)
    placing = threading.Thread(target=deployment.place_ready, args=[order_id for _, order_id in placed])
    placing.start()
    assert book.full.wait(PATIENCE)
    book.let_go()
    placing.join(PATIENCE)
    for _, order_id in placed:
        deployment.cancel(order_id)
    deployment.fire_cancels(*(order_id for _, order_id in placed))

    assert len({event_id for event_id, _ in placed}) == 2
    for event_id, order_id in placed:
        mine = deployment.said_about(order_id)
        assert {"an exchange adapter raised", "order OPEN", "order CANCELLED"} <= set(messages(mine))
        assert ids_of(mine) == {event_id}


def test_a_record_that_fails_is_logged_under_its_event(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its row could be read, the record itself says which that is."""
    placed = [deployment.limit(), deployment.limit(quantity="0.2")]

    async def broken(*_: object) -> None:
        raise RuntimeError("the table is away")

    monkeypatch.setattr(runtime.services().store, "get", broken)

    deployment.place_ready(*(order_id for _, order_id in placed))

    for event_id, order_id in placed:
        mine = deployment.said_about(order_id)
        assert messages(mine) == ["a stream record failed"]
        assert ids_of(mine) == {event_id}


def test_a_database_that_refuses_is_logged_under_the_event_whose_row_was_wanted(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a line names neither order nor event."""
    placed = [deployment.limit(), deployment.limit(quantity="0.2")]
    records = {"Records": [deployment.record(order_id) for _, order_id in placed]}

    async def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetItem")

    monkeypatch.setattr(Database, "_in_thread", refuse)

    deployment.desk.functions.place_ready(records, LocalContext("place_ready", 30.0))

    refused = [line for line in deployment.lines() if line["message"].startswith("the database did not take")]
    assert [line["correlation_id"] for line in refused] == [event_id for event_id, _ in placed]


def test_a_record_that_cannot_be_read_is_logged_under_its_invocation(deployment: Deployment) -> None:
    """Nothing else is known of it."""
    context = LocalContext("place_ready", 30.0)

    deployment.desk.functions.place_ready({"Records": [{"eventID": "odd", "dynamodb": None}]}, context)

    (line,) = deployment.lines()
    assert line["correlation_id"] == line["request_id"] == context.aws_request_id


def test_writes_that_share_a_request_are_logged_each_under_its_event(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Group commit: whose update the database refused is told by the event of who asked for it."""
    placed = [deployment.limit(), deployment.limit(quantity="0.2")]
    rows: list[Order] = [deployment.desk.row(Order, order_id) for _, order_id in placed]

    async def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "UpdateItem")

    async def write(row: Order) -> None:
        correlate(row.event_id)
        await runtime.services().store.commit(Update(row, row.changed(row.updated_at, error="x")))

    async def write_all() -> list[BaseException | None]:
        return await asyncio.gather(*(write(row) for row in rows), return_exceptions=True)

    monkeypatch.setattr(Database, "_in_thread", refuse)

    failures = runtime.run(write_all())

    assert [type(failure) for failure in failures] == [DatabaseUnavailableError] * 2
    refused = [line for line in deployment.lines() if line["message"].startswith("the database did not take")]
    assert ids_of(refused) == {event_id for event_id, _ in placed}


def test_a_cancel_all_has_its_own_id_and_its_targets_theirs(deployment: Deployment) -> None:
    """An order's lines are found by the alert that placed it, whoever ends it."""
    placed = [deployment.limit(), deployment.limit(quantity="0.2")]
    deployment.place_ready(*(order_id for _, order_id in placed))
    deployment.desk.account(options={"success_rate": 0})

    answer = deployment.alert(order_type="CANCEL_ALL", quantity=None, symbol=None)

    assert answer.body["total_accounts"] == 2
    said = deployment.said_in(answer.request_id)
    assert ids_of(said) == {answer.body["event_id"], *(event_id for event_id, _ in placed)}
    for event_id, order_id in placed:
        assert "cancel request PENDING" in messages(deployment.said_about(order_id))
        assert ids_of(deployment.said_about(order_id)) == {event_id}


def test_a_market_order_s_lines_have_its_alert_s_id(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of its adapter too, which know no event."""
    HeldBook(monkeypatch, failing=True).let_go()

    answer = deployment.alert()

    assert answer.status == 200
    assert "an exchange adapter raised" in messages(deployment.said_in(answer.request_id))
    assert ids_of(deployment.said_in(answer.request_id)) == {answer.body["event_id"]}


def test_a_request_that_is_redriven_or_taken_back_is_logged_under_its_order_s_event(deployment: Deployment) -> None:
    """The queue's row names no event; its order's does."""
    event_id, order_id = deployment.limit()
    deployment.place_ready(order_id)
    deployment.desk.account(options={"success_rate": 0})
    deployment.cancel(order_id)
    change_request(deployment.desk, order_id, status=CancelStatus.FAILED)

    redriven = deployment.http("POST", "/api/v1/cancel-queue/{cancel_id}/retry", cancel_id=order_id)
    taken_back = deployment.http("DELETE", "/api/v1/cancel-queue/{cancel_id}", cancel_id=order_id)

    assert (redriven.status, taken_back.status) == (202, 204)
    assert deployment.said_in(redriven.request_id)
    assert "cancel request deleted" in messages(deployment.said_in(taken_back.request_id))
    assert ids_of(deployment.said_about(order_id)) == {event_id}


def test_an_alert_that_was_refused_after_all_is_about_no_event(deployment: Deployment) -> None:
    """Memory took it for allowed; the event that was drawn for it was never stored."""
    cache = runtime.services().cache
    deployment.limit()
    remembered = cache["s1"]
    deployment.desk.strategy(enabled=False)
    cache["s1"] = remembered

    refused = deployment.alert(order_type="LIMIT", price="60000")

    assert refused.status == 403
    assert messages(deployment.said_in(refused.request_id)) == ["request refused: STRATEGY_DISABLED"]
    assert ids_of(deployment.said_in(refused.request_id)) == {refused.request_id}


def test_a_duplicate_is_logged_under_the_first_alert_s_event(deployment: Deployment) -> None:
    """The event that was drawn for the second one was never stored."""
    event_id, order_id = deployment.limit()
    change_item(deployment.desk, "orders", {"order_id": order_id}, status="NONSENSE")

    again = deployment.alert(order_type="LIMIT", price="50000")

    assert again.body["duplicate"]
    said = messages(deployment.said_in(again.request_id))
    assert said == ["duplicate alert", "an order's row cannot be read"]
    assert ids_of(deployment.said_in(again.request_id)) == {event_id}


def test_reconcile_logs_each_order_under_its_event(deployment: Deployment) -> None:
    """Orders that the stream lost; the summary belongs to none of them."""
    placed = [deployment.limit(), deployment.limit(quantity="0.2")]
    for _, order_id in placed:
        make_due(deployment.desk, order_id)

    reconciled = deployment.schedule("reconcile")

    assert [deployment.desk.order(order_id)["status"] for _, order_id in placed] == ["OPEN", "OPEN"]
    for event_id, order_id in placed:
        assert "order OPEN" in messages(deployment.said_about(order_id))
        assert ids_of(deployment.said_about(order_id)) == {event_id}
    summary = [line for line in deployment.said_in(reconciled) if line["message"] == "reconcile looked at 2 orders"]
    assert ids_of(summary) == {reconciled}


def test_what_reconcile_could_not_recount_is_logged_under_its_event(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row's failure touches no other row, nor its lines."""
    placed = [deployment.limit(), deployment.limit(quantity="0.2")]
    deployment.place_ready(*(order_id for _, order_id in placed))
    for event_id, _ in placed:
        change_item(deployment.desk, "strategy_order_logs", {"strategy_id": "s1", "event_id": event_id}, check_at=PAST)
    get = runtime.services().store.get

    async def without_events(kind: Any, *key: str) -> Any:
        if kind is EventLog:
            raise RuntimeError("the log is away")
        return await get(kind, *key)

    monkeypatch.setattr(runtime.services().store, "get", without_events)

    deployment.schedule("reconcile")

    left = [line for line in deployment.lines() if line["message"] == "reconcile leaves a row for its next run"]
    assert {line["row"]: line["correlation_id"] for line in left} == {event_id: event_id for event_id, _ in placed}


def test_look_ups_of_reconcile_and_its_hunt_do_not_mix(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hunt asks one after the other for orders that the list does not show; here each question fails."""
    placed = [deployment.limit(), deployment.limit(quantity="0.2"), deployment.limit(quantity="0.3")]
    deployment.place_ready(*(order_id for _, order_id in placed))
    for _, order_id in placed:
        deployment.desk.fill_at_exchange("m1", order_id)
        change_item(deployment.desk, "orders", {"order_id": order_id}, updated_at=PAST)
    make_due(deployment.desk, placed[2][1])
    break_look_ups(monkeypatch)

    deployment.schedule("reconcile")

    for event_id, order_id in placed:
        mine = deployment.said_about(order_id)
        assert "an exchange adapter raised" in messages(mine)
        assert ids_of(mine) == {event_id}


def test_orders_that_the_hunt_cannot_compare_do_not_mix(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that had ended here and is live, then one whose row cannot be read at all."""
    event_id, order_id = deployment.limit()
    deployment.place_ready(order_id)
    change_item(deployment.desk, "orders", {"order_id": order_id}, updated_at=PAST, status="CANCELLED")
    (unknown,) = Ids("test-").order_ids(datetime.now(UTC) + timedelta(days=1), 1)
    show_at_exchange(deployment.desk, order_id, unknown)
    get = runtime.services().store.get

    async def without_one(kind: Any, *key: str) -> Any:
        if key == (unknown,):
            raise RuntimeError("this row is away")
        return await get(kind, *key)

    monkeypatch.setattr(runtime.services().store, "get", without_one)
    break_look_ups(monkeypatch)

    hunted = deployment.schedule("reconcile")

    assert "an exchange adapter raised" in messages(deployment.said_about(order_id))
    assert ids_of(deployment.said_about(order_id)) == {event_id}
    assert messages(deployment.said_about(unknown)) == ["an open order was not compared"]
    assert ids_of(deployment.said_about(unknown)) == {hunted}


def test_orphans_that_one_hunt_finds_do_not_mix(deployment: Deployment) -> None:
    """They are compared one after the other, in one task; then something is said of none of them."""
    _, order_id = deployment.limit()
    deployment.place_ready(order_id)
    orphans = Ids("test-").order_ids(datetime(2026, 1, 1, tzinfo=UTC), 2)
    for client_id in (*orphans, "somebody-s-own"):
        show_at_exchange(deployment.desk, order_id, client_id)

    hunted = deployment.schedule("reconcile")

    events = {client_id: deployment.desk.order(client_id)["event_id"] for client_id in orphans}
    assert len(set(events.values())) == 2
    for client_id, event_id in events.items():
        mine = deployment.said_about(client_id)
        assert {"orphan adopted; it is being cancelled", "order CANCELLED"} <= set(messages(mine))
        assert ids_of(mine) == {event_id}
    strangers = [line for line in deployment.said_in(hunted) if "not ours" in line["message"]]
    assert len(strangers) == 1
    assert ids_of(strangers) == {hunted}


@pytest.mark.parametrize(
    ("method", "route", "parameters", "status"),
    [
        ("GET", "/ping", {}, 200),
        ("GET", "/api/v1/orders", {}, 200),
        ("GET", "/api/v1/orders/{order_id}", {"order_id": "nobody-s"}, 404),
        ("DELETE", "/api/v1/strategies/{strategy_id}", {"strategy_id": "s1"}, 204),
        ("POST", "/api/v1/webhook", {}, 400),
    ],
)
def test_every_answer_names_its_call(
    deployment: Deployment, method: str, route: str, parameters: dict[str, str], status: int
) -> None:
    """By the id under which its lines are found."""
    answer = deployment.http(method, route, **parameters)

    assert (answer.status, answer.headers["X-Request-Id"]) == (status, answer.request_id)


def test_an_error_nobody_expected_names_its_call(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who is told of a 500 can find it."""

    async def broken(*_: object) -> None:
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr(runtime.services().store, "get", broken)

    answer = deployment.http("GET", "/api/v1/orders/{order_id}", order_id="o1")

    assert (answer.status, answer.headers["X-Request-Id"]) == (500, answer.request_id)
    (line,) = deployment.said_in(answer.request_id)
    assert (line["message"], line["correlation_id"]) == ("unexpected error", answer.request_id)


def test_without_api_gateway_a_call_has_lambda_s_own_id(desk: ApiDesk) -> None:
    """As on a developer's machine."""
    first, second = desk.get("orders"), desk.get("orders")

    assert first.headers["X-Request-Id"]
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


def test_a_line_outside_of_any_invocation_has_both_ids_too(desk: ApiDesk, logged: io.StringIO) -> None:
    """A process that is starting has nothing to name."""
    thread = threading.Thread(target=logging.getLogger("chalicelib.local").warning, args=("starting",))
    thread.start()
    thread.join(PATIENCE)

    (line,) = [json.loads(line) for line in logged.getvalue().splitlines() if "starting" in line]
    assert (line["correlation_id"], line["request_id"]) == ("-", "-")


class UnreadableStore:
    """The heartbeat cannot be read, which the waker logs."""

    async def get(self, *_: object) -> None:
        raise RuntimeError("no heartbeat")


@pytest.mark.parametrize(("events", "expected"), [(["E1", "E1"], "E1"), (["E1", "E2"], "R1")])
async def test_a_wake_up_call_that_is_shared_by_events_belongs_to_none_of_them(
    desk: ApiDesk, logged: io.StringIO, events: Sequence[str], expected: str
) -> None:
    """Calls that come together make one, in the context of whoever came first."""
    waker = LambdaWaker(UnreadableStore(), SystemClock(), "sweep")  # type: ignore[arg-type]
    begin_invocation("R1")

    async def ask(event_id: str) -> None:
        correlate(event_id)
        await waker.wake([f"order-of-{event_id}"])

    await asyncio.gather(*(ask(event_id) for event_id in events))

    (line,) = [json.loads(line) for line in logged.getvalue().splitlines() if "not woken" in line]
    assert (line["correlation_id"], line["request_id"]) == (expected, "R1")


def test_the_loop_thread_goes_on_in_the_caller_s_context_and_tells_it_the_event() -> None:
    """Work is handed to another thread; two threads that hand over at once do not mix."""
    loop = runtime.LoopThread()
    barrier = threading.Barrier(2)
    seen: dict[str, list[str]] = {}

    async def work(event_id: str) -> None:
        seen[event_id].append(ids())
        correlate(event_id)
        await asyncio.sleep(0)
        seen[event_id].append(ids())

    def hand_over(request_id: str, event_id: str) -> None:
        begin_invocation(request_id)
        seen[event_id] = []
        barrier.wait(PATIENCE)
        loop.run(work(event_id))
        seen[event_id].append(ids())

    threads = [threading.Thread(target=hand_over, args=names) for names in (("R1", "E1"), ("R2", "E2"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert seen == {"E1": ["R1 R1", "E1 R1", "E1 R1"], "E2": ["R2 R2", "E2 R2", "E2 R2"]}


def ids() -> str:
    """The correlation id and the request id, as a line would have them."""
    return " ".join(log_ids().values())


def make_due(desk: ApiDesk, order_id: str) -> None:
    """Its next look has come."""
    change_item(desk, "orders", {"order_id": order_id}, check_at=PAST)


def change_item(desk: ApiDesk, table: str, key: Mapping[str, str], **texts: str) -> None:
    """Attributes of an item as somebody else left them."""
    changes = {name: {"Value": {"S": text}} for name, text in texts.items()}
    typed = {name: {"S": text} for name, text in key.items()}
    desk.dynamodb.update_item(TableName=f"{PREFIX}-{table}", Key=typed, AttributeUpdates=changes)


def change_request(desk: ApiDesk, order_id: str, **changes: Any) -> None:
    """An order's cancel request as somebody else left it."""
    row: CancelRequest = desk.row(CancelRequest, order_id)
    desk.commit(Update(row, replace(row, version=row.version + 1, **changes)))


def break_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mock's book breaks, naming the order that it was asked for."""

    async def broken(_book: TableMockBook, _account_id: str, client_order_id: str) -> ExchangeOrder | None:
        raise RuntimeError(f"the page of {client_order_id} is torn")

    monkeypatch.setattr(TableMockBook, "get", broken)


def show_at_exchange(desk: ApiDesk, like: str, client_id: str) -> None:
    """One more open order on the mock's book, like the one that is there."""
    item = desk.item("mock_exchange", {"account_id": "m1", "client_order_id": like})
    changes = {"client_order_id": {"S": client_id}, "exchange_order_id": {"S": f"mock-{client_id}"}}
    desk.dynamodb.put_item(TableName=f"{PREFIX}-mock_exchange", Item={**item, **changes})
