"""Finding orders as customers may."""

from collections.abc import Iterator

from infra.simulator.model import Account, Fill, Order, Venue
from infra.simulator.world import World


def orders_of(world: World, account: Account, venue: Venue, symbol: str | None = None) -> Iterator[Order]:
    """Oldest first, those not readable yet left out."""
    now = world.clock.now_ms()
    for order in account.orders:
        if order.market.venue == venue and order.readable_at <= now and symbol in (None, order.market.symbol):
            yield order


def newest_of(world: World, account: Account, venue: Venue) -> Iterator[Order]:
    """As `orders_of`, newest first."""
    now = world.clock.now_ms()
    for order in reversed(account.orders):
        if order.market.venue == venue and order.readable_at <= now:
            yield order


def trades_of(world: World, account: Account, venue: Venue, symbol: str | None = None) -> Iterator[tuple[Order, Fill]]:
    """The fills of readable orders, newest first."""
    now = world.clock.now_ms()
    for order, fill in reversed(account.trades):
        if order.market.venue == venue and order.readable_at <= now and symbol in (None, order.market.symbol):
            yield order, fill


def live_of(world: World, account: Account, venue: Venue, symbol: str | None = None) -> list[Order]:
    """As `orders_of`, only what is still live."""
    now = world.clock.now_ms()
    return [
        order
        for order in account.live.values()
        if order.market.venue == venue and order.readable_at <= now and symbol in (None, order.market.symbol)
    ]


def named(account: Account, venue: Venue, name: str, value: str) -> list[Order]:
    """All that ever had this "id", "uuid" or "client" id, oldest first, readable or not."""
    return account.index.get((venue, name, value), [])


def readable(world: World, orders: list[Order]) -> list[Order]:
    now = world.clock.now_ms()
    return [order for order in orders if order.readable_at <= now]


def cancelable(world: World, orders: list[Order]) -> list[Order]:
    now = world.clock.now_ms()
    return [order for order in orders if order.live and order.cancelable_at <= now]
