"""Metrics from outside: calls and events go in, lines for CloudWatch come out, on standard output."""

import sys
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import runtime
from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.errors import DatabaseUnavailableError
from chalicelib.domain.orders import Order
from chalicelib.domain.ports import Update
from tests.api.desk import ApiDesk
from tests.meters import figures_in

SCHEDULED = {
    "version": "0",
    "id": "1",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "1",
    "time": "2026-11-21T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}
IDLE = {
    ("QueuedCancels", "stage=test"): [0.0],
    ("OldestQueuedCancel", "stage=test"): [0.0],
    ("FailedCancels", "stage=test"): [0.0],
    ("AttentionOrders", "stage=test"): [0.0],
}


@pytest.fixture
def desk(desk: ApiDesk, monkeypatch: pytest.MonkeyPatch) -> ApiDesk:
    """Account m1 and strategy s1, and somebody who listens."""
    runtime.meter().flush()
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    return desk


class Ear:
    """What was written since it was asked last."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured
        captured.readouterr()

    def figures(self) -> dict[tuple[str, ...], list[float]]:
        return figures_in(self._captured.readouterr().out)


@pytest.fixture
def ear(desk: ApiDesk, capsys: pytest.CaptureFixture[str]) -> Ear:
    return Ear(capsys)


def reconcile(desk: ApiDesk) -> Any:
    return desk.functions.reconcile(SCHEDULED, None)


def test_an_accepted_alert_is_counted_with_its_orders_and_timed(desk: ApiDesk, ear: Ear) -> None:
    """One call, one line each."""
    desk.alert()

    figures = ear.figures()

    (waited,) = figures.pop(("AlertToExchange", "stage=test"))
    assert 0 < waited < 10_000
    assert figures == {
        ("Alerts", "result=accepted", "stage=test"): [1.0],
        ("Orders", "stage=test", "status=FILLED"): [1.0],
    }


def test_a_fan_out_is_a_line_and_not_one_for_each_account(desk: ApiDesk, ear: Ear) -> None:
    """The times are an array, the orders a sum."""
    names = [f"fan-{number}" for number in range(20)]
    for name in names:
        desk.account(name)
    desk.strategy("fan", *names)

    desk.alert(strategy="fan")

    figures = ear.figures()
    assert len(figures["AlertToExchange", "stage=test"]) == 20
    assert figures["Orders", "stage=test", "status=FILLED"] == [20.0]


def test_a_resend_is_a_duplicate(desk: ApiDesk, ear: Ear) -> None:
    """And no further order."""
    desk.alert()
    ear.figures()

    desk.alert()

    assert ear.figures() == {("Alerts", "result=duplicate", "stage=test"): [1.0]}


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"token": "wrong"}, 401), ({"token": None}, 401), ({"strategy": "nobody"}, 401), ({"side": "up"}, 422)],
    ids=["wrong token", "no token", "no such strategy", "a bad field"],
)
def test_an_alert_that_is_turned_away_is_refused(desk: ApiDesk, ear: Ear, fields: dict[str, Any], status: int) -> None:
    """Whoever sent it."""
    answer = desk.alert(**fields)

    assert answer.status == status
    assert ear.figures() == {("Alerts", "result=refused", "stage=test"): [1.0]}


def test_what_is_no_alert_at_all_is_not_counted(desk: ApiDesk, ear: Ear) -> None:
    """Nobody can say whose it was to be."""
    assert desk.webhook(b"{").status == 400

    assert ear.figures() == {}


def test_a_cancel_is_timed(desk: ApiDesk, ear: Ear) -> None:
    """Over HTTP as by alert."""
    order_id = desk.open_order()
    opened = ear.figures()

    desk.cancel(order_id)

    figures = ear.figures()
    assert opened["Orders", "stage=test", "status=OPEN"] == [1.0]
    assert len(figures.pop(("CancelLatency", "stage=test"))) == 1
    assert figures == {("Orders", "stage=test", "status=CANCELLED"): [1.0]}


def test_a_refused_cancel_is_a_retry(desk: ApiDesk, ear: Ear) -> None:
    """The mock refuses whatever it is told to."""
    order_id = desk.open_order()
    desk.account(options={"success_rate": 0})
    ear.figures()

    desk.cancel(order_id)

    assert ear.figures() == {("CancelRetries", "stage=test"): [1.0]}


def test_reconcile_tells_the_levels_with_nothing_to_do(desk: ApiDesk, ear: Ear) -> None:
    """Each minute: an alarm takes silence for a fault."""
    reconcile(desk)

    assert ear.figures() == IDLE


def test_a_failed_cancel_is_a_level_until_it_is_redriven(desk: ApiDesk, ear: Ear) -> None:
    """And an order that needs a person is one too."""
    order_id = desk.open_order()
    desk.account(options={"success_rate": 0})
    desk.cancel(order_id)
    row, order = desk.row(CancelRequest, order_id), desk.row(Order, order_id)
    desk.commit(Update(row, replace(row, status=CancelStatus.FAILED, version=row.version + 1)))
    desk.commit(Update(order, replace(order, attention="look", version=order.version + 1)))
    ear.figures()

    reconcile(desk)
    failed = ear.figures()
    desk.post(f"cancel-queue/{order_id}/retry")
    ear.figures()
    reconcile(desk)

    redriven = ear.figures()
    assert failed | {("FailedCancels", "stage=test"): [1.0], ("AttentionOrders", "stage=test"): [1.0]} == failed
    assert redriven["FailedCancels", "stage=test"] == [0.0]
    assert redriven["QueuedCancels", "stage=test"] == [1.0]
    assert redriven["OldestQueuedCancel", "stage=test"][0] > 0


def test_attention_is_a_level_until_a_person_has_seen_to_it(desk: ApiDesk, ear: Ear) -> None:
    """Nothing of the order changes but that; asked twice, the answer is the same."""
    order_id = desk.open_order()
    order = desk.row(Order, order_id)
    desk.commit(Update(order, replace(order, attention="look", version=order.version + 1)))

    answers = [desk.delete(f"orders/{order_id}/attention").status for _ in range(2)]
    reconcile(desk)

    seen_to = desk.row(Order, order_id)
    assert answers == [204, 204]
    assert ear.figures()["AttentionOrders", "stage=test"] == [0.0]
    assert seen_to.attention is None
    assert (seen_to.status, seen_to.history) == (order.status, order.history)
    assert desk.delete("orders/no-such-order/attention").status == 404


def test_answers_that_are_our_fault_are_counted(desk: ApiDesk, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """To Lambda and its alarms a 503 is an answer like any other; what the caller did wrong is none of ours."""

    async def cannot_be_reached(*_: Any) -> None:
        raise DatabaseUnavailableError("the database cannot be reached; try again shortly")

    desk.get("orders/unknown")
    refused = ear.figures()
    monkeypatch.setattr(type(runtime.services().store), "get", cannot_be_reached)
    monkeypatch.setattr(type(runtime.services().store), "commit", cannot_be_reached)
    statuses = [desk.get("orders/unknown").status, desk.alert().status]

    failed = ear.figures()
    assert statuses == [503, 503]
    assert ("ApiFailures", "stage=test") not in refused
    assert failed["ApiFailures", "stage=test"] == [1.0, 1.0]
    assert failed["Alerts", "result=failed", "stage=test"] == [1.0]


def test_nothing_is_written_where_metrics_are_switched_off(
    desk: ApiDesk, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on the local stack."""
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")

    desk.alert()
    reconcile(desk)

    assert ear.figures() == {}


def test_an_output_that_is_closed_harms_no_alert_and_no_schedule(
    desk: ApiDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work goes on unmeasured."""

    class Broken:
        def write(self, text: str) -> int:
            raise OSError("no space left on device")

        def flush(self) -> None:
            raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Broken())
        answer = desk.alert()
        ended = reconcile(desk)

    assert (answer.status, answer.results[0]["status"]) == (200, "FILLED")
    assert ended == {"orders": 0}
