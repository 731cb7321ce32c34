"""The matching engine apart from any wire: money is neither made nor lost."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.simulator.instruments import TEST_KEY
from infra.simulator.model import WALLET_OF, ZERO, Account, Intent, Order, RefusedError, Trigger, Venue
from infra.simulator.world import World

MARKETS: list[tuple[Venue, str]] = [
    ("binance-spot", "BTCUSDT"),
    ("binance-usdm", "BTCUSDT"),
    ("bybit-spot", "BTCUSDT"),
    ("bybit-linear", "BTCUSDT"),
    ("upbit", "KRW-BTC"),
    ("upbit", "USDT-BTC"),
]
PERCENT = st.integers(90, 110)

intents = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["BUY", "SELL"]),
        "kind": st.sampled_from(["LIMIT", "MARKET"]),
        "size": st.integers(1, 4000),
        "by_quote": st.booleans(),
        "price": PERCENT,
        "time_in_force": st.sampled_from(["GTC", "IOC", "FOK"]),
        "post_only": st.booleans(),
        "trigger": st.none() | PERCENT,
        "reduce_only": st.booleans(),
        "holds_funds": st.booleans(),
    }
)
moves = st.one_of(
    st.tuples(st.just("place"), intents),
    st.tuples(st.just("price"), PERCENT),
    st.tuples(st.just("liquidity"), st.none() | st.integers(0, 2000)),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("fill"), st.integers(1, 2000)),
)


class Trader:
    """Plays moves on one market."""

    def __init__(self, venue: Venue, symbol: str) -> None:
        self.world = World()
        self.engine = self.world.engine
        self.book = self.engine.books[venue, symbol]
        self.market = self.book.market
        self.start = self.market.start_price
        self.account: Account = self.world.credentials[self.market.exchange, TEST_KEY].account

    def play(self, move: str, argument: Any) -> None:
        live = list(self.account.live.values())
        if move == "place":
            self.place(argument)
        elif move == "price":
            self.engine.set_price(self.market, self.at(argument))
        elif move == "liquidity":
            self.book.liquidity = None if argument is None else self.quantity(argument)
        elif move == "cancel" and live:
            self.engine.cancel(live[argument % len(live)])
        elif move == "fill":
            resting = [order for order in live if order.state.value == "open" and order.intent.price is not None]
            for order in resting[:1]:
                self.engine.fill(order, self.quantity(argument))

    def at(self, percent: int) -> Decimal:
        return self.start * percent / 100 // self.market.tick * self.market.tick

    def quantity(self, thousandths: int) -> Decimal:
        return Decimal(thousandths) / 1000

    def place(self, wanted: dict[str, Any]) -> None:
        quantity, limit = self.quantity(wanted["size"]), wanted["kind"] == "LIMIT"
        by_quote = wanted["by_quote"] and not limit and not self.market.derivative
        trigger = None if wanted["trigger"] is None else self.at(wanted["trigger"])
        intent = Intent(
            side=wanted["side"],
            kind=wanted["kind"],
            client_id="",
            quantity=None if by_quote else quantity,
            quote_quantity=quantity * self.start if by_quote else None,
            price=self.at(wanted["price"]) if limit else None,
            time_in_force=wanted["time_in_force"] if limit else "GTC",
            post_only=wanted["post_only"] and limit,
            trigger=Trigger(trigger, rising=trigger > self.book.price) if trigger else None,
            reduce_only=wanted["reduce_only"] and self.market.derivative,
            holds_funds=wanted["holds_funds"] or trigger is None,
        )
        with suppress(RefusedError):
            self.engine.submit(self.account, self.market, intent)


def held(orders: list[Order], asset: str, market_base: str) -> Decimal:
    return sum((o.held for o in orders if (market_base if o.intent.side == "SELL" else o.market.quote) == asset), ZERO)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MARKETS), st.lists(moves, max_size=25))
def test_what_is_locked_is_what_live_orders_hold(market: tuple[Venue, str], played: list[tuple[str, Any]]) -> None:
    """After every move: no spot balance is negative, and ended orders hold nothing."""
    venue, symbol = market
    trader = Trader(venue, symbol)

    for move, argument in played:
        trader.play(move, argument)

        live = list(trader.account.live.values())
        for asset, balance in trader.account.wallets[WALLET_OF[venue]].items():
            assert balance.locked == held(live, asset, trader.market.base)
            assert balance.free >= ZERO or trader.market.derivative
        assert all(order.held == ZERO for order in trader.account.orders if not order.live)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(MARKETS), st.lists(moves, max_size=25))
def test_fills_add_up_to_the_balances(market: tuple[Venue, str], played: list[tuple[str, Any]]) -> None:
    """Base bought less base sold less fees is what the wallet gained; a position is the sum of its fills."""
    venue, symbol = market
    trader = Trader(venue, symbol)
    for move, argument in played:
        trader.play(move, argument)

    signed = sum((o.filled if o.intent.side == "BUY" else -o.filled for o in trader.account.orders), ZERO)
    if trader.market.derivative:
        position = trader.account.positions.get((venue, trader.market.symbol, "BOTH"))
        assert (position.amount if position else ZERO) == signed
    else:
        wallet = next(iter(trader.account.wallets.values()))[trader.market.base]
        fees = sum((order.fees.get(trader.market.base, ZERO) for order in trader.account.orders), ZERO)
        assert wallet.free + wallet.locked == Decimal(10) + signed - fees
    for order in trader.account.orders:
        assert order.filled == sum((fill.quantity for fill in order.fills), ZERO)
        assert order.intent.quantity is None or order.filled <= order.intent.quantity
        assert order.intent.quote_quantity is None or order.filled_quote <= order.intent.quote_quantity
