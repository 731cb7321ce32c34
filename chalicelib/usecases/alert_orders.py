"""Turns an alert into one order for every account of its strategy."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chalicelib.domain import verdicts
from chalicelib.domain.alerts import OrderAlert
from chalicelib.domain.amounts import plain, times
from chalicelib.domain.clock import after
from chalicelib.domain.orders import Order, OrderType, Placement, Transition
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.policy import READY_PATIENCE
from chalicelib.domain.ports import Exchange, OrderNotAcceptedError
from chalicelib.domain.strategies import Account, AccountShare
from chalicelib.usecases.services import Services, Setup
from chalicelib.usecases.sizing import prepare_request
from chalicelib.usecases.together import all_together

logger = logging.getLogger(__name__)

_BY = "alert"

_FOR_PREPARING = 0.4
"""Of the time that the caller waits: until every account is prepared or given up, nothing is stored for any."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that is to be stored; with a session, it is sent by this task right afterwards."""

    order: Order
    session: Exchange | None


def share_list(setup: Setup) -> list[tuple[AccountShare, Account]]:
    """The strategy's enabled accounts; others are left out and not counted."""
    pairs = ((share, setup.accounts.get(share.account_id)) for share in setup.strategy.accounts)
    return [(share, account) for share, account in pairs if account is not None and account.enabled]


async def draft_orders(
    services: Services, setup: Setup, alert: OrderAlert, event_id: str, now: datetime
) -> Sequence[Draft]:
    """MARKET orders as SENDING with their exact request, all others as READY; one that cannot be sent at all
    is stored as REJECTED, and touches no other (invariant 8)."""
    shares = share_list(setup)
    order_ids = services.ids.order_ids(now, len(shares))
    orders = [
        _new_order(services, setup, alert, event_id, order_id, share, account, now)
        for order_id, (share, account) in zip(order_ids, shares, strict=True)
    ]
    if alert.order_type is not OrderType.MARKET:
        return [Draft(order, None) for order in orders]
    return await all_together(_prepared(services, setup, order) for order in orders)


async def _prepared(services: Services, setup: Setup, order: Order) -> Draft:
    """Everything that sending needs is loaded here, before the row is written (R1)."""
    try:
        session = await services.exchanges.session(
            setup.accounts[order.account_id], order.venue, setup.bans.get(order.account_id)
        )
        request = await prepare_request(
            session, order, setup.strategy.max_order_notional, services.policy.inline_work * _FOR_PREPARING
        )
    except OrderNotAcceptedError as error:
        refused = verdicts.refused_locally(order, services.clock.now(), _BY, error.code, error.message)
        return Draft(replace(refused, version=1), None)
    except (ArithmeticError, ValueError, TypeError) as error:  # one account's oddity is not the others' (invariant 8)
        logger.exception("an order could not be prepared", extra={"account_id": order.account_id})
        why = f"the order could not be prepared: {type(error).__name__}"
        refused = verdicts.refused_locally(order, services.clock.now(), _BY, "NOT_PREPARED", why)
        return Draft(replace(refused, version=1), None)
    deadline = after(await session.now(), services.policy.market_order_timeout)
    entry = Transition(order.created_at, OrderStatus.PENDING, Placement.SENDING, _BY)
    sending = replace(
        order,
        placement=Placement.SENDING,
        request=request,
        deadline=deadline,
        check_at=deadline,
        history=(entry,),
    )
    return Draft(sending, session)


def _new_order(
    services: Services,
    setup: Setup,
    alert: OrderAlert,
    event_id: str,
    order_id: str,
    share: AccountShare,
    account: Account,
    now: datetime,
) -> Order:
    venue = services.exchanges.venue_for(account)
    return Order(
        order_id=order_id,
        strategy_id=setup.strategy.strategy_id,
        event_id=event_id,
        account_id=account.account_id,
        exchange=venue.exchange,
        market=venue.market,
        testnet=venue.testnet,
        host=venue.host,
        symbol=alert.symbol,
        side=alert.side,
        order_type=alert.order_type,
        quantity=_times(alert.quantity, share.weight),
        quote_amount=_times(alert.quote_amount, share.weight),
        percent=_times(alert.percent, share.weight),
        price=alert.price,
        stop_price=alert.stop_price,
        time_in_force=alert.time_in_force,
        post_only=alert.post_only,
        reduce_only=alert.reduce_only,
        tag=alert.tag,
        status=OrderStatus.PENDING,
        placement=Placement.READY,
        send_by=after(now, services.policy.max_send_delay),
        check_at=after(now, READY_PATIENCE),
        created_at=now,
        updated_at=now,
        history=(Transition(now, OrderStatus.PENDING, Placement.READY, _BY),),
    )


def _times(amount: Decimal | None, weight: Decimal) -> Decimal | None:
    return None if amount is None else plain(times(amount, weight))
