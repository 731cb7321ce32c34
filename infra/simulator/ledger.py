"""Money: what an order holds back, what a fill moves, and what is left to open positions with."""

from collections.abc import Iterable
from decimal import Decimal

from infra.simulator.model import (
    WALLET_OF,
    ZERO,
    Account,
    Balance,
    Fill,
    Market,
    Order,
    Position,
    PositionSide,
    Reason,
    RefusedError,
    Side,
    Venue,
    floored,
)


def needed(order: Order, price: Decimal) -> Decimal:
    """What the rest of a spot order needs at this market price, in `held_asset`."""
    intent, market = order.intent, order.market
    limit = intent.price or price
    if intent.side == "BUY":
        if intent.quote_quantity is not None:
            cost = intent.quote_quantity - order.filled_quote
        else:
            cost = order.remaining * limit
        return cost * (1 + market.taker_fee) if market.fee_in_quote else cost
    if intent.quote_quantity is not None:
        return floored((intent.quote_quantity - order.filled_quote) / price, market.step)
    return order.remaining


def held_asset(order: Order) -> str:
    return order.market.quote if order.intent.side == "BUY" else order.market.base


def balance_of(order: Order, asset: str) -> Balance:
    return order.account.balance(WALLET_OF[order.market.venue], asset)


def hold(order: Order, price: Decimal) -> None:
    """Set the money of a spot order aside. Raises RefusedError when there is too little."""
    amount, balance = needed(order, price), balance_of(order, held_asset(order))
    if amount > balance.free:
        raise RefusedError(Reason.FUNDS)
    balance.free -= amount
    balance.locked += amount
    order.held = amount


def release(order: Order, keep: Decimal = ZERO) -> None:
    """Give back what is held beyond `keep`."""
    excess = order.held - keep
    if excess > 0:
        balance = balance_of(order, held_asset(order))
        balance.locked -= excess
        balance.free += excess
        order.held = keep


def settle_spot(order: Order, quantity: Decimal, price: Decimal, fee_rate: Decimal) -> tuple[Decimal, str]:
    """Move both assets of a fill; the fee and its asset."""
    market, cost, buying = order.market, quantity * price, order.intent.side == "BUY"
    received_asset, received = (market.base, quantity) if buying else (market.quote, cost)
    fee_asset = market.quote if market.fee_in_quote else received_asset
    fee = (cost if fee_asset == market.quote else quantity) * fee_rate
    paid = cost if buying else quantity
    if buying and market.fee_in_quote:
        paid += fee
    else:
        received -= fee
    _pay(order, paid)
    balance_of(order, received_asset).free += received
    return fee, fee_asset


def _pay(order: Order, amount: Decimal) -> None:
    balance = balance_of(order, held_asset(order))
    from_hold = min(amount, order.held)
    order.held -= from_hold
    balance.locked -= from_hold
    balance.free -= amount - from_hold


def position_of(account: Account, market: Market, side: PositionSide) -> Position:
    return account.positions.setdefault((market.venue, market.symbol, side), Position())


def closable(order: Order) -> Decimal:
    """How much of the position this order's side would close."""
    amount = position_of(order.account, order.market, order.intent.position_side).amount
    return max(ZERO, -amount if order.intent.side == "BUY" else amount)


def settle_derivative(order: Order, quantity: Decimal, price: Decimal, fee_rate: Decimal) -> tuple[Decimal, Decimal]:
    """Move the position and the margin asset; the fee and the realized profit."""
    position = position_of(order.account, order.market, order.intent.position_side)
    realized = _move(position, order.intent.side, quantity, price)
    fee = quantity * price * fee_rate
    balance_of(order, order.market.quote).free += realized - fee
    return fee, realized


def _move(position: Position, side: Side, quantity: Decimal, price: Decimal) -> Decimal:
    change = quantity if side == "BUY" else -quantity
    before = position.amount
    after = before + change
    realized = ZERO
    if before * change >= 0:
        position.entry_price = (position.entry_price * abs(before) + price * quantity) / abs(after)
    else:
        closed = min(abs(before), quantity)
        realized = closed * (price - position.entry_price) * (1 if before > 0 else -1)
        if before * after < 0:
            position.entry_price = price
        elif after == 0:
            position.entry_price = ZERO
    position.amount = after
    return realized


def margin_needed(order: Order, price: Decimal) -> Decimal:
    """Initial margin of what the order would open beyond closing."""
    if order.intent.reduce_only:
        return ZERO
    opening = max(ZERO, order.remaining - closable(order))
    return opening * (order.intent.price or price) / order.account.leverage


def margin_in_use(account: Account, venue: Venue, live: Iterable[Order]) -> Decimal:
    positions = (
        abs(position.amount) * position.entry_price
        for (of_venue, _, _), position in account.positions.items()
        if of_venue == venue
    )
    orders = (margin_needed(order, order.intent.price or ZERO) for order in live)
    return sum(positions, ZERO) / account.leverage + sum(orders, ZERO)


def recorded(order: Order, fill: Fill) -> None:
    order.fills.append(fill)
    order.account.trades.append((order, fill))
    order.filled += fill.quantity
    order.filled_quote += fill.quantity * fill.price
    order.updated_ms = fill.time_ms
