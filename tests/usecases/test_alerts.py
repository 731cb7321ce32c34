"""Alerts: who sent it, whether it came before, whether it may trade, and what CANCEL reaches (R21-R25)."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.errors import ForbiddenError, InvalidError, NotAuthenticatedError
from chalicelib.domain.events import EventLog
from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import Insert
from chalicelib.usecases import catalog
from chalicelib.usecases.cancel_requests import delete_cancel, store_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from tests.desk import Desk, cancel_alert, order_alert
from tests.meddling_store import ProcessDiedError

LIMIT = order_alert(OrderType.LIMIT, price=Decimal(50000), tag="t1")


async def trading(desk: Desk, *accounts: str) -> None:
    for account in accounts or ("m1",):
        await desk.account(account)
    await desk.strategy("s1", *(accounts or ("m1",)))


async def everything_of(desk: Desk) -> int:
    return len(await desk.store.recent_events("s1", desk.clock.now().replace(year=2020)))


async def test_a_resend_answers_with_the_first_ones_orders_and_places_nothing(desk: Desk) -> None:
    """R21: within ALERT_DEDUPE_SECONDS the body is the key."""
    await trading(desk)

    first = await desk.alert(order_alert())
    desk.clock.turn(29)
    again = await desk.alert(order_alert())

    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.event.order_ids == first.event.order_ids
    assert again.event.results[0].status == "FILLED"
    assert await everything_of(desk) == 1


async def test_the_same_body_after_the_window_is_a_new_alert(desk: Desk) -> None:
    """Scenario 12: the next bar's alert reads the same."""
    await trading(desk)

    first = await desk.alert(order_alert())
    desk.clock.turn(31)
    second = await desk.alert(order_alert())

    assert not second.duplicate
    assert second.event.event_id != first.event.event_id


async def test_an_alert_id_is_remembered_for_seven_days(desk: Desk) -> None:
    """R21."""
    await trading(desk)

    first = await desk.alert(order_alert(), alert_id="a-1")
    desk.clock.turn(6.9 * 86400)
    again = await desk.alert(order_alert(), alert_id="a-1")
    desk.clock.turn(0.2 * 86400)
    later = await desk.alert(order_alert(), alert_id="a-1")

    assert [answer.duplicate for answer in (first, again, later)] == [False, True, False]


async def test_an_alert_id_with_another_body_is_refused(desk: Desk) -> None:
    """R21: ALERT_ID_REUSED."""
    await trading(desk)
    await desk.alert(order_alert(), alert_id="a-1")

    with pytest.raises(InvalidError) as refusal:
        await desk.alert(order_alert(quantity=Decimal(2)), alert_id="a-1")

    assert refusal.value.code == "ALERT_ID_REUSED"
    assert await everything_of(desk) == 1


async def test_twenty_equal_alerts_at_once_are_one_event_with_one_order_for_each_account(desk: Desk) -> None:
    """Scenario 11."""
    await trading(desk, "m1", "m2", "m3")

    answers = await asyncio.gather(*(desk.alert(order_alert()) for _ in range(20)))

    assert sum(not answer.duplicate for answer in answers) == 1
    assert len({answer.event.event_id for answer in answers}) == 1
    assert len(await desk.store.get_all(Order, answers[0].event.order_ids)) == 3
    for account in ("m1", "m2", "m3"):
        assert len((await desk.store.list_orders("s1", None, None, 100, None)).items) == 3
        assert await desk.book.open_orders(account) == []


async def test_an_alert_is_one_transaction(desk: Desk) -> None:
    """Section 6: key, log row, every order and the strategy's version in one request."""
    await trading(desk, "m1", "m2")
    desk.store.commits.clear()

    await desk.alert(LIMIT)

    (changes,) = desk.store.commits
    assert [type(change).__name__ for change in changes] == ["Check", "Insert", "Insert", "Insert", "Insert"]


async def test_a_process_that_dies_right_after_the_transaction_has_lost_nothing(desk: Desk) -> None:
    """The orders are READY; reconcile sends them."""
    await trading(desk)
    original = desk.store._store.commit

    async def die_after(*changes: Any) -> None:
        await original(*changes)
        desk.store._store.commit = original
        raise ProcessDiedError

    desk.store._store.commit = die_after
    with pytest.raises(ProcessDiedError):
        await desk.alert(LIMIT)
    again = await desk.alert(LIMIT)
    desk.clock.turn(6)
    await reconcile(desk.another_process(), desk.budget())

    assert again.duplicate
    assert (await desk.order(again.event.order_ids[0])).status is OrderStatus.OPEN


async def test_a_rotated_token_is_judged_by_the_row_not_by_memory(desk: Desk) -> None:
    """R23: the new one is taken, the old one refused, in a process that remembers the old row."""
    await trading(desk)
    await desk.alert(order_alert())
    await catalog.put_strategy(desk.another_process(), "s1", await given(desk, token="token-2"))

    with pytest.raises(NotAuthenticatedError):
        await desk.alert(order_alert(quantity=Decimal(2)))
    accepted = await desk.alert(order_alert(quantity=Decimal(3)), token="token-2")

    assert not accepted.duplicate
    assert await everything_of(desk) == 2


async def test_a_strategy_that_was_just_enabled_again_trades_at_once(desk: Desk) -> None:
    """R23: nobody is refused on the word of a cache."""
    await trading(desk)
    await desk.strategy("s1", "m1", enabled=False)
    with pytest.raises(ForbiddenError) as refusal:
        await desk.alert(order_alert())
    await catalog.put_strategy(desk.another_process(), "s1", await given(desk))

    accepted = await desk.alert(order_alert())

    assert refusal.value.code == "STRATEGY_DISABLED"
    assert accepted.event.successful_accounts == 1


async def test_a_strategy_that_was_just_disabled_does_not_trade(desk: Desk) -> None:
    """R24: the transaction checks the version that the decision was made on."""
    await trading(desk)
    await desk.alert(order_alert())
    await catalog.put_strategy(desk.another_process(), "s1", await given(desk, enabled=False))

    with pytest.raises(ForbiddenError):
        await desk.alert(order_alert(quantity=Decimal(2)))

    assert await everything_of(desk) == 1


async def test_an_accounts_new_options_count_from_the_next_alert_on_in_every_process(desk: Desk) -> None:
    """R25: a change of an account raises the versions of the strategies that use it."""
    await trading(desk)
    await desk.alert(order_alert())
    other = Desk()
    other.services.cache.clear()
    await other.account("m1", success_rate=0)

    answer = await desk.alert(order_alert(quantity=Decimal(2)))

    assert answer.event.results[0].status == "REJECTED"


async def test_the_switch_stops_new_orders_in_every_process_once_it_is_answered(desk: Desk) -> None:
    """R24: 403 TRADING_DISABLED; cancels go on; a strategy made meanwhile is halted too."""
    await trading(desk)
    resting = await desk.alert(LIMIT)
    await place_ready(desk.services, resting.event.order_ids[0], "stream", desk.budget())
    await catalog.set_switch(desk.another_process(), False)

    with pytest.raises(ForbiddenError) as refusal:
        await desk.alert(order_alert())
    cancelled = await desk.alert(cancel_alert())
    await desk.strategy("s2", "m1")
    with pytest.raises(ForbiddenError):
        await desk.alert(order_alert(), strategy="s2")
    await catalog.set_switch(desk.services, True)
    accepted = await desk.alert(order_alert(), strategy="s2")

    assert refusal.value.code == "TRADING_DISABLED"
    assert cancelled.event.successful_accounts == 1
    assert accepted.event.successful_accounts == 1


async def test_a_duplicate_outranks_a_refusal_that_came_later(desk: Desk) -> None:
    """The checks' order: the resend of an accepted alert is answered even when trading is off by now."""
    await trading(desk)
    first = await desk.alert(order_alert())
    await catalog.set_switch(desk.services, False)

    again = await desk.alert(order_alert())

    assert again.duplicate
    assert again.event.event_id == first.event.event_id


async def test_a_refused_alert_stores_nothing_and_may_come_again(desk: Desk) -> None:
    """No alert row, no log row, no order."""
    await trading(desk)
    with pytest.raises(InvalidError):
        await desk.alert(order_alert(symbol="DOGE/USDT"))

    assert await everything_of(desk) == 0
    assert not (await desk.alert(order_alert())).duplicate


async def test_disabled_accounts_are_left_out_and_not_counted(desk: Desk) -> None:
    """Section 7; with none left the alert is refused."""
    await trading(desk, "m1", "m2")
    await disable(desk, "m2")
    one = await desk.alert(order_alert())
    await disable(desk, "m1")

    with pytest.raises(InvalidError) as refusal:
        await desk.alert(order_alert(quantity=Decimal(2)))

    assert (one.event.total_accounts, refusal.value.code) == (1, "NO_ACCOUNTS")


async def test_cancel_all_right_after_a_limit_alert_reaches_that_order(desk: Desk) -> None:
    """R22: READY still, and perhaps in no index yet."""
    await trading(desk, "m1", "m2")
    placed = await desk.alert(LIMIT)
    desk.store.live_orders = nothing  # the index lags

    cancelled = await desk.alert(cancel_alert())
    await place_ready(desk.services, placed.event.order_ids[0], "stream", desk.budget())

    assert (cancelled.event.total_accounts, cancelled.event.successful_accounts) == (2, 2)
    assert set(cancelled.event.order_ids) == set(placed.event.order_ids)
    assert await desk.book.get("m1", placed.event.order_ids[0]) is None


async def test_cancel_all_twice_in_a_minute_works_twice(desk: Desk) -> None:
    """R22: deduplicated by alert_id only."""
    await trading(desk)
    await desk.alert(LIMIT)
    first = await desk.alert(cancel_alert())
    desk.clock.turn(31)
    await desk.alert(LIMIT)

    second = await desk.alert(cancel_alert())

    assert (first.event.total_accounts, second.event.total_accounts) == (1, 1)
    assert not second.duplicate


@pytest.mark.parametrize(
    ("alert", "matched"),
    [
        (cancel_alert("CANCEL", tag="t1"), 1),
        (cancel_alert("CANCEL", tag="other"), 0),
        (cancel_alert("CANCEL_ALL", symbol="ETH/USDT"), 0),
        (cancel_alert("CANCEL_ALL", symbol="BTC/USDT"), 1),
        (cancel_alert("CANCEL", order_id="test-nothing"), 0),
    ],
)
async def test_a_cancel_reaches_what_it_names(desk: Desk, alert: Any, matched: int) -> None:
    """By tag, symbol and order id; matching nothing is fine."""
    await trading(desk)
    await desk.alert(LIMIT)

    answer = await desk.alert(alert)

    assert answer.event.total_accounts == matched


async def test_an_order_of_another_strategy_matches_nothing(desk: Desk) -> None:
    """R22."""
    await trading(desk)
    await desk.strategy("s2", "m1")
    placed = await desk.alert(LIMIT)

    answer = await desk.alert(cancel_alert("CANCEL", order_id=placed.event.order_ids[0]), strategy="s2")

    assert answer.event.total_accounts == 0
    assert (await desk.order(placed.event.order_ids[0])).cancel_requested_at is None


async def test_a_process_that_dies_after_a_cancels_transaction_is_resumed(desk: Desk) -> None:
    """R22: the targets stand in the log row; reconcile asks for what was not asked yet."""
    await trading(desk, "m1", "m2")
    placed = await desk.alert(LIMIT)

    async def die(changes: tuple[Any, ...]) -> None:
        if any(isinstance(change, Insert) and isinstance(change.row, CancelRequest) for change in changes):
            raise ProcessDiedError

    desk.store.before_commit = die
    with pytest.raises(ProcessDiedError):
        await desk.alert(cancel_alert())
    desk.store.before_commit = None

    desk.clock.turn(16)
    await reconcile(desk.another_process(), desk.budget())
    rows = [await desk.order(order_id) for order_id in placed.event.order_ids]

    assert [row.status for row in rows] == [OrderStatus.CANCELLED, OrderStatus.CANCELLED]


async def test_a_request_that_was_taken_back_is_not_asked_for_again(scripted: Desk) -> None:
    """R20, R22: reconcile resumes what was never asked, not what a person deleted."""
    desk = scripted
    await trading(desk)
    placed = await desk.alert(LIMIT)
    order_id = placed.event.order_ids[0]

    async def cancel_and_take_back() -> None:
        await desk.alert(cancel_alert())
        await delete_cancel(desk.services, order_id)

    desk.exchange.in_place = cancel_and_take_back
    await place_ready(desk.services, order_id, "stream", desk.budget())
    for _ in range(4):
        desk.clock.turn(60)
        await reconcile(desk.services, desk.budget())

    assert (await desk.order(order_id)).cancel_requested_at is None
    assert desk.exchange.cancelled == []


async def test_a_duplicate_of_a_cancel_with_an_alert_id_changes_nothing(desk: Desk) -> None:
    """R22: it answers with the same targets."""
    await trading(desk)
    await desk.alert(LIMIT)

    first = await desk.alert(cancel_alert(), alert_id="c-1")
    again = await desk.alert(cancel_alert(), alert_id="c-1")

    assert again.duplicate
    assert again.event.order_ids == first.event.order_ids


async def test_counts_follow_the_orders_until_all_of_them_are_terminal(desk: Desk) -> None:
    """R26: pending is neither; open is a success; cancelled on request is one; then the row is settled."""
    await trading(desk)
    placed = await desk.alert(LIMIT)
    stages: list[EventLog] = [await desk.event(placed)]

    await place_ready(desk.services, placed.event.order_ids[0], "stream", desk.budget())
    stages.append(await desk.event(placed))
    await desk.alert(cancel_alert())
    stages.append(await desk.event(placed))

    assert [(row.successful_accounts, row.failed_accounts) for row in stages] == [(0, 0), (1, 0), (1, 0)]
    assert [row.check_at is None for row in stages] == [False, False, True]
    assert stages[-1].ttl is not None


async def test_a_log_row_that_nobody_updated_is_recounted_by_reconcile(desk: Desk) -> None:
    """R26: it stays in the index of unsettled rows until then."""
    await trading(desk)
    placed = await desk.alert(LIMIT)
    await store_cancel(desk.services, placed.event.order_ids[0], "api")

    async def die(changes: tuple[Any, ...]) -> None:
        if isinstance(getattr(changes[0], "new", None), EventLog):
            raise ProcessDiedError

    desk.store.before_commit = die
    with pytest.raises(ProcessDiedError):
        await place_ready(desk.services, placed.event.order_ids[0], "stream", desk.budget())
    desk.store.before_commit = None
    stale = await desk.event(placed)

    desk.clock.turn(16)
    await reconcile(desk.services, desk.budget())

    assert stale.results[0].status == "PENDING"
    assert (await desk.event(placed)).results[0].status == "CANCELLED"


async def given(desk: Desk, *, enabled: bool = True, token: str | None = None) -> catalog.StrategyInput:
    row = (await desk.store.strategies())[0]
    return catalog.StrategyInput(
        name=row.name,
        enabled=enabled,
        symbols=row.symbols,
        accounts=row.accounts,
        max_order_notional=None,
        token=token,
    )


async def disable(desk: Desk, account_id: str) -> None:
    await catalog.put_account(
        desk.services,
        account_id,
        catalog.AccountInput(
            exchange="mock", market="spot", testnet=False, enabled=False, options={}, credentials=None
        ),
    )


async def nothing(*_: object) -> list[str]:
    return []
