"""What can go wrong while an order is placed, by the scenarios' numbers."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from chalicelib.domain.errors import DatabaseUnavailableError
from chalicelib.domain.orders import Order, OrderType, Placement, TimeInForce
from chalicelib.domain.outcomes import OrderStatus, Side
from chalicelib.domain.ports import Change, Update
from chalicelib.domain.strategies import Account
from chalicelib.exchanges.dialect import Call, Purpose
from chalicelib.usecases.reconcile import reconcile
from tests.desk import Desk, order_alert
from tests.exchanges.markets.floor import Floor as MarketFloor
from tests.exchanges.markets.terms import BINANCE_FUTURES, BINANCE_SPOT, Terms
from tests.meddling_store import ProcessDiedError
from tests.store.wire import Request as DatabaseRequest
from tests.store.wire import Wire as DatabaseWire
from tests.trading.floor import BYBIT, MARKETS, ONE_OF_EACH, UPBIT, Floor
from tests.trading.test_frozen import stored_orders
from tests.trading.wire import Wire

LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET
END = {LIMIT: OrderStatus.OPEN, MARKET: OrderStatus.FILLED}

at_each = pytest.mark.parametrize("terms", MARKETS, ids=str)
at_each_exchange = pytest.mark.parametrize("terms", ONE_OF_EACH, ids=str)
each_kind = pytest.mark.parametrize("kind", END)


@at_each
async def test_a_request_that_never_arrived_is_followed_by_a_recorded_attempt(floor: Floor, terms: Terms) -> None:
    """Scenario 2 (R9, R12). Where an identifier serves once, by the same request again."""
    await floor.trade_at(terms)
    answer = await floor.limit()
    floor.control.fault("close", exchange=terms.name, operation="create")

    (unknown,) = await floor.hand_over(answer)

    (order,) = await floor.settle(unknown.order_id)
    assert (unknown.status, unknown.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    assert (order.status, order.attempt) == (OrderStatus.OPEN, 2 if terms.requests_expire else 1)
    assert [create["client_id"] for create in floor.creates(terms)] == [order.order_id, order.client_order_id]
    assert floor.ids_on_book(terms) == [order.client_order_id]


@at_each
@each_kind
async def test_an_order_that_appears_after_fourteen_seconds_is_adopted(
    floor: Floor, wire: Wire, monkeypatch: pytest.MonkeyPatch, terms: Terms, kind: OrderType
) -> None:
    """Scenario 3 (R12). Until then look-ups find nothing, which proves nothing."""
    await floor.trade_at(terms)
    floor.control.fault("invisible", exchange=terms.name, operation="create", delay_ms=14_000)
    lose_answers(wire, monkeypatch)

    answer, (unknown,) = await floor.send(kind)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (unknown.status, unknown.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    assert (order.status, order.attempt) == (END[kind], 1)
    assert floor.ids_on_book(terms) == [order.order_id]


@at_each
@each_kind
async def test_killed_after_the_answer_before_it_is_written_leaves_an_order_that_is_adopted(
    floor: Floor, terms: Terms, kind: OrderType
) -> None:
    """Scenario 4 (R8). The row says SENDING, the exchange has the order."""
    await floor.trade_at(terms)
    meet_verdicts(floor, ProcessDiedError())

    with pytest.raises(ProcessDiedError):
        await floor.send(kind)

    left = await last_order(floor)
    (order,) = await floor.settle(left.order_id, services=floor.another_process())
    assert left.placement is Placement.SENDING
    assert (order.status, order.attempt) == (END[kind], 1)
    assert floor.ids_on_book(terms) == [order.order_id]
    assert len(floor.creates(terms)) == 1


@at_each
@each_kind
async def test_killed_before_the_request_leaves_an_order_that_is_proven_absent(
    floor: Floor, wire: Wire, terms: Terms, kind: OrderType
) -> None:
    """Scenario 5 (R9, R12). What may still wait is sent by a later run; a market order is over."""
    await floor.trade_at(terms)
    wire.on_signed = die_with_a_create

    with pytest.raises(ProcessDiedError):
        await floor.send(kind)

    wire.on_signed = None
    left = await last_order(floor)
    (order,) = await floor.settle(left.order_id, services=floor.another_process())
    assert left.placement is Placement.SENDING
    if kind is MARKET:
        assert (order.status, order.reason) == (OrderStatus.REJECTED, "NOT_PLACED")
        assert floor.on_book(terms) == []
    else:
        assert (order.status, order.attempt) == (OrderStatus.OPEN, 2 if terms.requests_expire else 1)
        assert floor.ids_on_book(terms) == [order.client_order_id]


@at_each_exchange
async def test_a_database_that_is_gone_after_the_answer_leaves_an_order_that_is_adopted(
    floor: Floor, log: pytest.LogCaptureFixture, terms: Terms
) -> None:
    """Scenario 7 (R3). The alert is answered all the same, and the log says under which id the exchange answered."""
    await floor.trade_at(terms)
    meet_verdicts(floor, DatabaseUnavailableError("down"))

    answer, (left,) = await floor.send(MARKET)

    floor.store.before_commit = None
    (order,) = await floor.settle(left.order_id, services=floor.another_process())
    assert left.placement is Placement.SENDING
    assert not answer.duplicate
    assert any(getattr(line, "order_id", "") == left.order_id for line in log.records if "answered" in line.message)
    assert order.status is OrderStatus.FILLED
    assert len(floor.creates(terms)) == 1


async def test_a_verdict_whose_write_was_not_heard_of_is_known_as_our_own(
    floor: Floor, database_wire: DatabaseWire
) -> None:
    """Scenario 8 (R4). The repeat fails on its own effect; that is no conflict, and nothing is decided again."""
    await floor.trade_at(BINANCE_SPOT)
    database_wire.faults["UpdateItem"] = [database_wire.lose_answer()]

    answer, (order,) = await floor.send(MARKET)

    assert [written(request) for request in database_wire.requests].count(order.order_id) == 2
    assert (order.status, order.version) == (OrderStatus.FILLED, 2)
    assert (await floor.event(answer)).successful_accounts == 1


@pytest.mark.parametrize("terms", [BINANCE_SPOT, BINANCE_FUTURES], ids=str)
async def test_a_filled_market_order_is_never_sent_again_where_its_id_is_free(floor: Floor, terms: Terms) -> None:
    """Scenario 9 (R9). For two minutes nobody can be asked; a repeat would be taken as a second order."""
    await floor.trade_at(terms)
    floor.control.fault("close", exchange=terms.name, operation="create", taken=True)
    allow_look_ups = floor.refuse_look_ups(terms)
    answer, (unknown,) = await floor.send(MARKET)

    for _ in range(12):
        floor.clock.turn(10)
        await reconcile(floor.services, floor.budget(4))

    allow_look_ups()
    (order,) = await floor.settle(*answer.event.order_ids)
    assert (unknown.status, unknown.placement) == (OrderStatus.PENDING, Placement.UNKNOWN)
    assert order.status is OrderStatus.FILLED
    assert len(floor.creates(terms)) == 1
    assert floor.ids_on_book(terms) == [order.order_id]


@at_each
@pytest.mark.parametrize("quantity", ["0.1", "0.2"])
async def test_a_taken_client_id_is_looked_up(floor: Floor, terms: Terms, quantity: str) -> None:
    """Scenarios 10 and 45 (R8, R13). Our own order is adopted; one of another size calls for a person."""
    await floor.trade_at(terms)
    answer = await floor.limit()
    ready = await floor.only(answer)
    await place_by_hand(floor, terms, ready, Decimal(quantity))

    (order,) = await floor.hand_over(answer)

    assert [create["client_id"] for create in floor.creates(terms)] == [order.order_id] * 2
    assert floor.ids_on_book(terms) == [order.order_id]
    if quantity == "0.1":
        (order,) = await floor.settle(order.order_id)
        assert (order.status, order.attention) == (OrderStatus.OPEN, None)
    else:
        floor.clock.turn(600)
        await reconcile(floor.services, floor.budget(55))
        order = await floor.only(answer)
        assert (order.status, order.exchange_order_id) == (OrderStatus.PENDING, None)
        assert "another order under our client id" in (order.attention or "")
        assert floor.ids_on_book(terms) == [order.order_id]


async def test_two_alerts_of_equal_content_with_ids_of_their_own_are_two_orders(desk: Desk) -> None:
    """Scenario 12 (R21). The event is the key."""
    await desk.account("m1")
    await desk.strategy("s1", "m1")

    answers = [await desk.alert(order_alert(), alert_id=name, body="the same") for name in ("a-1", "a-2")]

    assert [answer.duplicate for answer in answers] == [False, False]
    rows = [await desk.order(answer.event.order_ids[0]) for answer in answers]
    assert [row.status for row in rows] == [OrderStatus.FILLED] * 2
    assert rows[0].order_id != rows[1].order_id


@at_each_exchange
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_what_never_had_a_connection_is_sent_again_under_the_same_id(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, terms: Terms, error: type[httpx.TransportError]
) -> None:
    """Scenario 17 (R9). Refused, no such name, or too slow to connect: nothing was sent."""
    await floor.trade_at(terms)
    break_next_create(monkeypatch, error, arrives=False)

    answer, (order,) = await floor.send(MARKET)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.attempt) == (OrderStatus.FILLED, 1)
    assert [create["client_id"] for create in floor.creates(terms)] == [order.order_id]


@at_each_exchange
@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("error", [httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, httpx.WriteTimeout])
async def test_what_had_a_connection_is_unknown_however_it_broke(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, terms: Terms, error: type[httpx.TransportError], arrives: bool
) -> None:
    """Scenario 17 (R8). A connection that died during a freeze, for one: the request may have arrived."""
    await floor.trade_at(terms)
    break_next_create(monkeypatch, error, arrives=arrives)

    answer, _ = await floor.send(MARKET)

    (order,) = await floor.settle(*answer.event.order_ids)
    if arrives:
        assert order.status is OrderStatus.FILLED
    else:
        assert (order.status, order.reason) == (OrderStatus.REJECTED, "NOT_PLACED")
    assert floor.ids_on_book(terms) == [order.order_id] * arrives


@pytest.mark.parametrize("terms", BYBIT, ids=str)
@pytest.mark.parametrize("delay_ms", [0, 8000])
async def test_an_order_that_is_acknowledged_and_then_rejected_never_opens(
    floor: Floor, terms: Terms, delay_ms: int
) -> None:
    """Scenario 18 (R8). The poll sees it, with the exchange's reason."""
    await floor.trade_at(terms)
    floor.control.set_delays(bybit_create=delay_ms)
    floor.control.fault("reject", exchange=terms.name, operation="create", reason="EC_PostOnlyWillTakeLiquidity")

    answer, _ = await floor.send(LIMIT)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "EC_PostOnlyWillTakeLiquidity")
    assert OrderStatus.OPEN.value not in [entry.status for entry in order.history]
    assert len(floor.creates(terms)) == 1
    log = await floor.event(answer)
    assert (log.successful_accounts, log.failed_accounts) == (0, 1)


@at_each
@each_kind
async def test_an_order_that_cannot_be_paid_is_rejected_with_the_reason(
    floor: Floor, terms: Terms, kind: OrderType
) -> None:
    """Scenario 19 (R9). It is not tried again; at Upbit its identifier is spent."""
    await floor.trade_at(terms)
    asset = "USDT" if kind is LIMIT or terms.market == "futures" else "BTC"
    await withdraw_all(floor, terms, asset)

    answer, _ = await floor.send(kind)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert order.status is OrderStatus.REJECTED
    assert order.reason not in (None, "NOT_PLACED")
    assert order.error
    assert len(floor.creates(terms)) == 1
    assert floor.on_book(terms, live=True) == []


@at_each
@pytest.mark.parametrize("by_limit", [True, False], ids=["IOC", "MARKET"])
async def test_what_is_cut_short_ends_with_its_fills(floor: Floor, terms: Terms, by_limit: bool) -> None:
    """Scenario 21 (R5, R26). It counts as a success by what it got, not by what it asked for."""
    await floor.trade_at(terms)
    MarketFloor(floor.control, terms).offer("0.04")

    if by_limit:
        answer = await floor.limit(price=Decimal(62_000), time_in_force=TimeInForce.IOC)
        await floor.hand_over(answer)
    else:
        answer = await floor.sell()

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status.terminal, order.filled_quantity) == (True, Decimal("0.04"))
    assert order.average_price is not None
    log = await floor.event(answer)
    assert (log.successful_accounts, log.failed_accounts) == (1, 0)
    assert [result.filled_quantity for result in log.results] == [Decimal("0.04")]


@pytest.mark.parametrize("terms", [*BYBIT[:1], UPBIT], ids=str)
async def test_a_market_purchase_by_amount_that_leaves_a_remainder_is_filled(floor: Floor, terms: Terms) -> None:
    """Scenario 22. The exchange's word for it is a cancel; the remainder is money that comes back."""
    await floor.trade_at(terms)
    MarketFloor(floor.control, terms).offer("0.04")

    answer = await floor.sell(side=Side.BUY, quantity=None, quote_amount=Decimal(6_000))

    (order,) = await floor.settle(*answer.event.order_ids)
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, Decimal("0.04"))
    assert (await floor.event(answer)).successful_accounts == 1


async def test_ids_that_come_twice_are_refused_before_anything_is_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 53 (R1). The second alert is stored under the next id; the order of the first stays as it is."""
    await desk.account("m1")
    await desk.strategy("s1", "m1")
    first = await desk.alert(order_alert())
    repeat_ids(desk, monkeypatch, list(first.event.order_ids))

    second = await desk.alert(order_alert(quantity=Decimal("0.2")))

    (one,), (other,) = first.event.order_ids, second.event.order_ids
    assert one != other
    assert [(await desk.order(name)).filled_quantity for name in (one, other)] == [Decimal("0.1"), Decimal("0.2")]


async def test_ids_that_never_change_send_nothing_and_store_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 53 (R1). The caller is told to come again: 503."""
    await desk.account("m1")
    await desk.strategy("s1", "m1")
    first = await desk.alert(order_alert())
    repeat_ids(desk, monkeypatch, list(first.event.order_ids) * 20)

    with pytest.raises(DatabaseUnavailableError):
        await desk.alert(order_alert(quantity=Decimal("0.2")))

    (order_id,) = first.event.order_ids
    assert (await desk.order(order_id)).filled_quantity == Decimal("0.1")
    assert len((await desk.store.list_orders("s1", None, None, 10, None)).items) == 1
    assert len((await desk.store.list_events("s1", 10, None)).items) == 1


@at_each_exchange
async def test_while_an_order_cannot_be_looked_up_only_the_look_up_is_repeated(floor: Floor, terms: Terms) -> None:
    """Scenario 54 (R9). The create and its look-up are never one unit."""
    await floor.trade_at(terms)
    floor.control.fault("close", exchange=terms.name, operation="create", taken=True)
    floor.refuse_look_ups(terms)

    await floor.send(MARKET)

    look_ups = floor.control.requests(venue=terms.name, operation="query")
    assert len(look_ups) > 1
    assert len(floor.creates(terms)) == 1


def lose_answers(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exchange answers every create, and nobody hears it."""

    async def lost(call: Call) -> None:
        if call.purpose is Purpose.CREATE:
            raise httpx.ReadError("the connection is gone")

    monkeypatch.setattr(wire, "answered", lost)


def meet_verdicts(floor: Floor, error: BaseException) -> None:
    """Whoever writes what became of a SENDING order meets this; a process that died writes nothing more."""

    async def before_commit(changes: tuple[Change, ...]) -> None:
        for change in changes:
            if isinstance(change, Update) and getattr(change.old, "placement", None) is Placement.SENDING:
                raise error

    floor.store.before_commit = before_commit


def die_with_a_create(call: Call) -> None:
    """The process is killed with a signed create in its hands."""
    if call.purpose is Purpose.CREATE:
        raise ProcessDiedError


async def last_order(floor: Floor) -> Order:
    """The row of the newest order, whatever became of who stored it."""
    return await floor.order(stored_orders(floor)[-1].order_id)


def written(request: DatabaseRequest) -> str | None:
    """The order that a request to the database changes."""
    key: str | None = request.body.get("Key", {}).get("order_id", {}).get("S")
    return key if request.operation == "UpdateItem" else None


async def place_by_hand(floor: Floor, terms: Terms, order: Order, quantity: Decimal) -> None:
    """Somebody else with the account's key places an order under the very client id."""
    account = await floor.store.get(Account, terms.name)
    session = await floor.another_process().exchanges.session(account, order.venue)
    row = order.changed(floor.clock.now(), quantity=quantity)
    await session.place(await session.prepare(row), await session.now(), 5.0)
    floor.clock.turn(1.0)


def break_next_create(monkeypatch: pytest.MonkeyPatch, error: type[httpx.TransportError], *, arrives: bool) -> None:
    """The connection of the next POST breaks in this way, before or after the request has arrived."""
    through: Callable[..., Any] = httpx.AsyncHTTPTransport.handle_async_request
    broken: list[httpx.Request] = []

    async def handle(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        if request.method != "POST" or broken:
            return await through(transport, request)  # type: ignore[no-any-return]
        broken.append(request)
        if arrives:
            response: httpx.Response = await through(transport, request)
            await response.aread()
        raise error("broken")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)


async def withdraw_all(floor: Floor, terms: Terms, asset: str) -> None:
    """Nothing of the asset is left in the wallet that this market trades out of."""
    account = await floor.store.get(Account, terms.name)
    session = await floor.services.exchanges.session(account, floor.services.exchanges.venue_for(account))
    MarketFloor(floor.control, terms).deposit(asset, -(await session.free_balance(asset)))


def repeat_ids(desk: Desk, monkeypatch: pytest.MonkeyPatch, taken: list[str]) -> None:
    """The next order ids are these; then they are fresh again."""
    fresh = desk.services.ids.order_ids

    def order_ids(now: Any, count: int) -> list[str]:
        return [taken.pop(0)] if taken else list(fresh(now, count))

    monkeypatch.setattr(desk.services.ids, "order_ids", order_ids, raising=True)
