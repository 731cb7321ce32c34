"""Compares each account's open orders at its exchange with our rows, both ways (R29)."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from chalicelib.domain.cancels import CancelRequest, cancel_request_for
from chalicelib.domain.clock import Budget, after, first_version, seconds_between
from chalicelib.domain.correlation import correlate
from chalicelib.domain.errors import StaleRowError
from chalicelib.domain.orders import Order, OrderRequest, OrderType, Placement, Transition, Venue
from chalicelib.domain.outcomes import ExchangeOrder, Found, OrderStatus
from chalicelib.domain.ports import Exchange, Insert, OrderNotAcceptedError, Update
from chalicelib.domain.strategies import Account, Ban, Heartbeat, ban_name
from chalicelib.usecases.cancel_requests import StoredCancel
from chalicelib.usecases.cancelling import carry_out, process_cancel
from chalicelib.usecases.key_ends import watch_key_ends
from chalicelib.usecases.metering import announce_orphan, tally_orders
from chalicelib.usecases.recording import order_keys, refresh_event, refresh_logs_of
from chalicelib.usecases.services import Services, readable_orders
from chalicelib.usecases.settling import cancel_earlier_attempt, settle_by_lookup

logger = logging.getLogger(__name__)

HUNT = "orphan_hunt"
"""The row in the system table that says when the next hunt is due; who writes it hunts."""

STRATEGY = "orphans"
"""Under which orders are listed that nobody here knew of."""

_NEEDED = 2.0
"""Seconds without which a hunt is not begun."""

_BY = "orphan hunt"
_RECENT = 60.0
"""Seconds for which an order, or a change of its row, is left alone: lists lag behind."""


async def hunt_orphans(services: Services, budget: Budget) -> None:
    """Every RECONCILE_INTERVAL, by whoever comes first; one account's failure touches no other (invariant 8)."""
    if budget.remaining() < _NEEDED or not await _claim(services):
        return
    accounts = await services.store.accounts()
    grounds = [ground for account in accounts for ground in await _grounds(services, account)]
    results = await asyncio.gather(
        *(_hunt_at(services, *ground, budget.within(services.policy.exchange_timeout)) for ground in grounds),
        return_exceptions=True,
    )
    for (account, _, _), result in zip(grounds, results, strict=True):
        if isinstance(result, OrderNotAcceptedError):
            logger.warning("open orders not compared: %s", result, extra={"account_id": account.account_id})
        elif isinstance(result, BaseException):
            logger.error("open orders not compared", extra={"account_id": account.account_id}, exc_info=result)
    await watch_key_ends(services, accounts, budget.within(services.policy.exchange_timeout))


async def _claim(services: Services) -> bool:
    now = services.clock.now()
    known = await services.store.get(Heartbeat, HUNT)
    if known is not None and known.awake_until > now:
        return False
    version = known.version + 1 if known else first_version(now)
    until = after(now, services.policy.reconcile_interval)
    mine = Heartbeat(name=HUNT, awake_until=until, updated_at=now, version=version)
    try:
        await services.store.commit(Update(known, mine) if known else Insert(mine))
    except StaleRowError:
        return False
    return True


async def _grounds(services: Services, account: Account) -> list[tuple[Account, Venue, list[Order]]]:
    """Where the account trades now, and where it has live orders from before its settings changed; with those."""
    rows = await readable_orders(services, await services.store.live_orders_of_account(account.account_id))
    venues = dict.fromkeys([services.exchanges.venue_for(account), *(row.venue for row in rows)])
    return [(account, venue, [row for row in rows if row.venue == venue]) for venue in venues]


async def _hunt_at(services: Services, account: Account, venue: Venue, rows: Sequence[Order], budget: Budget) -> None:
    ban = await services.store.get(Ban, ban_name(account.account_id))
    session = await services.exchanges.session(account, venue, ban.blocked_until if ban else None)
    async with asyncio.timeout(budget.remaining()):
        shown = await session.open_orders()
    theirs = await _compare_theirs(services, account, venue, session, shown, budget)
    correlate(None)
    known = {_number(row.exchange_order_id) for row in rows}
    strangers = [order for order in theirs if _number(order.exchange_order_id) not in known]
    if strangers:
        extra = {"account_id": account.account_id, "orders": len(strangers)}
        logger.info("open orders that are not ours are left alone", extra=extra)
    await _look_for_ours(services, rows, shown, session, budget)


async def _compare_theirs(
    services: Services,
    account: Account,
    venue: Venue,
    session: Exchange,
    shown: Sequence[ExchangeOrder],
    budget: Budget,
) -> list[ExchangeOrder]:
    """What is on the exchange, against our rows; returns what is not of our pattern."""
    others = []
    for order in shown:
        own = services.ids.own(order.client_order_id)
        if own is None:
            others.append(order)
            continue
        correlate(None)
        try:
            await _compare(services, account, venue, session, order, own, budget)
        except Exception:  # one order's oddity hides no other
            logger.exception("an open order was not compared", extra={"order_id": own[0]})
    return others


async def _compare(
    services: Services,
    account: Account,
    venue: Venue,
    session: Exchange,
    shown: ExchangeOrder,
    own: tuple[str, int],
    budget: Budget,
) -> None:
    """One open order of our pattern; `own` is what its client id says: our order id, and the attempt."""
    order_id, attempt = own
    row = await services.store.get(Order, order_id)
    correlate(row.event_id if row else None)
    if row is None:
        if seconds_between(services.ids.made_at(order_id), services.clock.now()) > _RECENT:
            await _adopt_orphan(services, account, venue, order_id, attempt, shown, budget)
    elif row.attempt != attempt:
        earlier = replace(row, attempt=attempt, exchange_order_id=None, filled_quantity=Decimal(0))
        await cancel_earlier_attempt(services, row, earlier, Found(shown), session, budget)
    elif _should_be_live(services, row):
        await _take_up(services, row, session, budget)


def _should_be_live(services: Services, row: Order) -> bool:
    """Whether what the exchange shows as open is something else to us, and has been for a while."""
    recent = seconds_between(row.updated_at, services.clock.now()) <= _RECENT
    settled = row.status is OrderStatus.OPEN or row.placement in (Placement.SENDING, Placement.READY)
    return not settled and not recent


async def _take_up(services: Services, row: Order, session: Exchange, budget: Budget) -> None:
    """A list may lag behind: the order itself is asked for, and what that says outranks our row (R5)."""
    order = await settle_by_lookup(services, row, session, _BY, budget)
    if order.status is not OrderStatus.OPEN:
        return
    if row.terminal:
        logger.error("orphan: an order that had ended here is live", extra=order_keys(order))
    if order.cancel_requested:
        await process_cancel(services, order.order_id, _BY, budget)
    await refresh_logs_of(services, order)


async def _look_for_ours(
    services: Services, rows: Sequence[Order], shown: Sequence[ExchangeOrder], session: Exchange, budget: Budget
) -> None:
    """Our OPEN orders that a list does not show are asked for one by one: a list never proves absence."""
    listed = {_number(order.exchange_order_id) for order in shown}
    now = services.clock.now()
    for row in rows:
        missing = row.status is OrderStatus.OPEN and _number(row.exchange_order_id) not in listed
        if missing and seconds_between(row.updated_at, now) > _RECENT:
            correlate(row.event_id)
            order = await settle_by_lookup(services, row, session, _BY, budget)
            await refresh_event(services, order.strategy_id, order.event_id)


async def _adopt_orphan(
    services: Services,
    account: Account,
    venue: Venue,
    order_id: str,
    attempt: int,
    shown: ExchangeOrder,
    budget: Budget,
) -> None:
    """Of our making and without a row: it gets one, with a cancel request, and only then is it cancelled."""
    now = services.clock.now()
    order = _row_of(account, venue, order_id, attempt, shown, services)
    request = cancel_request_for(order, now, _BY, services.policy.lease)
    left = await services.store.get(CancelRequest, order_id)  # its queue row may have outlived its own
    if left is not None:
        request = replace(request, version=left.version + 1)
    announce_orphan(services)
    try:
        await services.store.commit(Insert(order), Update(left, request) if left is not None else Insert(request))
    except StaleRowError:
        return  # somebody else has it
    tally_orders(services, [order])
    logger.error("orphan adopted; it is being cancelled", extra=order_keys(order))
    await carry_out(services, StoredCancel(order, request), _BY, budget)


def _row_of(
    account: Account, venue: Venue, order_id: str, attempt: int, shown: ExchangeOrder, services: Services
) -> Order:
    """What can be told of it: of its type, no more than the book that it is in. Its ids do the rest."""
    now = services.clock.now()
    order_type = OrderType.STOP_MARKET if shown.conditional else OrderType.LIMIT
    request = OrderRequest(
        client_order_id=shown.client_order_id,
        symbol=shown.symbol,
        side=shown.side,
        order_type=order_type,
        quantity=shown.quantity,
        quote_amount=shown.quote_amount,
        price=None,
        stop_price=None,
        time_in_force=None,
        post_only=False,
        reduce_only=False,
    )
    return Order(
        order_id=order_id,
        strategy_id=STRATEGY,
        event_id=services.ids.event_id(now),
        account_id=account.account_id,
        exchange=venue.exchange,
        market=venue.market,
        testnet=venue.testnet,
        host=venue.host,
        symbol=shown.symbol,
        side=shown.side,
        order_type=order_type,
        quantity=shown.quantity,
        quote_amount=shown.quote_amount,
        status=OrderStatus.OPEN,
        attempt=attempt,
        request=request,
        check_at=after(now, _RECENT),
        seen_on_exchange=True,
        exchange_order_id=shown.exchange_order_id,
        filled_quantity=shown.filled_quantity,
        average_price=shown.average_price,
        exchange_updated_at=shown.updated_at,
        cancel_requested_at=now,
        attention="an orphan: live on the exchange, of our making, without a row here",
        created_at=now,
        updated_at=now,
        history=(Transition(now, OrderStatus.OPEN.value, None, _BY, filled=shown.filled_quantity or None),),
        version=first_version(now),
    )


def _number(exchange_order_id: str | None) -> str:
    """The exchange's own number, without the mark of the book that it is in."""
    return (exchange_order_id or "").rpartition(":")[2]
