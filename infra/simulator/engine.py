"""The matching engine: takes orders, fills them at the market's price, triggers and cancels them, in its own time.

It knows nothing of wire formats, and customers do not trade with each other: everybody trades with the market.
"""

import heapq
import itertools
import random
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from infra.simulator import ledger
from infra.simulator.clock import Clock
from infra.simulator.matching import finish, match, trade
from infra.simulator.model import (
    ZERO,
    Account,
    Book,
    Exchange,
    Intent,
    Market,
    Order,
    Reason,
    RefusedError,
    State,
    Venue,
)

_FIRST_IDS: dict[Venue, int] = {
    "binance-spot": 28_457_001,
    "binance-usdm": 22_542_179,
    "bybit-spot": 1_616_024_329_462_743_808,
    "bybit-linear": 1,
    "upbit": 1,
}


class Engine:
    """All books of all exchanges. Call `run_due` before looking: what was due since happens then."""

    def __init__(self, clock: Clock, markets: Iterable[Market]) -> None:
        self.clock = clock
        self.skew_ms: dict[Exchange, int] = {}
        self.books = {(market.venue, market.symbol): Book(market, market.start_price) for market in markets}
        self._accounts: dict[int, Account] = {}
        started = clock.now_ms()  # ids of an earlier start must not come again: somebody may keep them
        self._ids = {venue: first + started for venue, first in _FIRST_IDS.items()}
        self._fill_ids = itertools.count(56)
        self._random = random.Random(started)
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = itertools.count()
        self._acting_ms: int | None = None

    def now_ms(self, exchange: Exchange) -> int:
        """The exchange's own time, which may be skewed against the simulator's clock."""
        return self._base_ms() + self.skew_ms.get(exchange, 0)

    def _base_ms(self) -> int:
        """Within an action that was due, the time when it was due."""
        return self.clock.now_ms() if self._acting_ms is None else self._acting_ms

    def new_uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def next_id(self, venue: Venue) -> int:
        self._ids[venue] += 1
        return self._ids[venue] - 1

    def number_from(self, venue: Venue, first: int) -> None:
        """The next order of this venue gets this id."""
        self._ids[venue] = first

    def later(self, delay_ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self._base_ms() + delay_ms, next(self._sequence), action))

    def run_due(self) -> None:
        if self._acting_ms is not None:
            return
        while self._due and self._due[0][0] <= self.clock.now_ms():
            self._acting_ms, _, action = heapq.heappop(self._due)
            try:
                action()
            finally:
                self._acting_ms = None

    def book(self, market: Market) -> Book:
        return self.books[market.venue, market.symbol]

    def submit(
        self, account: Account, market: Market, intent: Intent, delay_ms: int = 0, scripted_end: str | None = None
    ) -> Order:
        """Take an order; it reaches the book after the delay. Raises RefusedError for what is refused at once."""
        now = self.now_ms(market.exchange)
        order = Order(
            id=0, uuid="", account=account, market=market, intent=intent, created_ms=now, updated_ms=now
        )  # numbered when taken: a refused order leaves no gap
        self._check(order)
        order.id, order.uuid = self.next_id(market.venue), self.new_uuid()
        order.scripted_end = scripted_end
        order.file()
        self._accounts[id(account)] = account
        if delay_ms:
            self.later(delay_ms, lambda: self._enter(order))
        else:
            self._enter(order)
        return order

    def would_take(self, market: Market, intent: Intent) -> bool:
        """Whether a limit order would trade at once."""
        price = self.book(market).price
        if intent.price is None:
            return True
        return intent.price >= price if intent.side == "BUY" else intent.price <= price

    def cancel(self, order: Order, delay_ms: int = 0, reason: Reason = Reason.BY_USER) -> None:
        if delay_ms:
            self.later(delay_ms, lambda: self.cancel(order, reason=reason))
        elif order.live:
            finish(order, State.CANCELED, reason, self._now(order))

    def end(self, order: Order, state: State, reason: Reason, note: str = "") -> None:
        """The exchange itself ends an order."""
        order.note = note
        finish(order, state, reason, self._now(order))

    def fill(self, order: Order, quantity: Decimal, price: Decimal | None = None) -> None:
        """The market takes this much of a resting order, at its limit price unless told otherwise."""
        at = price or order.intent.price or self.book(order.market).price
        trade(self, order, min(quantity, order.remaining or quantity), at, maker=True)
        if order.remaining == ZERO:
            finish(order, State.FILLED, Reason.NONE, self._now(order))

    def set_price(self, market: Market, price: Decimal) -> None:
        """Move the market: conditional orders trigger, resting ones that it crosses fill at their own price."""
        self.book(market).price = price
        for account in self._accounts.values():
            for order in [order for order in account.live.values() if order.market == market]:
                self._meet(order, price)

    @property
    def orders(self) -> list[Order]:
        """Of all accounts, oldest first for each."""
        return [order for account in self._accounts.values() for order in account.orders]

    def _meet(self, order: Order, price: Decimal) -> None:
        if order.state is State.WAITING and order.intent.trigger and order.intent.trigger.met_at(price):
            self._trigger(order)
        elif (
            order.state is State.OPEN and order.intent.price is not None and self.would_take(order.market, order.intent)
        ):
            self.fill(order, self._available(order))

    def _available(self, order: Order) -> Decimal:
        liquidity = self.book(order.market).liquidity
        return order.remaining if liquidity is None else min(order.remaining, liquidity)

    def next_fill_id(self) -> int:
        return next(self._fill_ids)

    def margin_available(self, account: Account, venue: Venue, asset: str = "USDT") -> Decimal:
        wallet = "futures" if venue == "binance-usdm" else "unified"
        live = [o for o in account.live.values() if o.market.venue == venue and not o.intent.separate_book]
        return account.balance(wallet, asset).free - ledger.margin_in_use(account, venue, live)

    def _check(self, order: Order) -> None:
        intent, price = order.intent, self.book(order.market).price
        if intent.separate_book:
            return
        if intent.reduce_only and ledger.closable(order) == ZERO:
            raise RefusedError(Reason.REDUCE_ONLY)
        if order.market.derivative:
            needed = ledger.margin_needed(order, price)
            if needed > self.margin_available(order.account, order.market.venue):
                raise RefusedError(Reason.FUNDS)
        elif intent.holds_funds:
            ledger.hold(order, price)

    def _now(self, order: Order) -> int:
        return self.now_ms(order.market.exchange)

    def _enter(self, order: Order) -> None:
        if not order.live:
            return
        order.updated_ms = self._now(order)
        if order.scripted_end is not None:
            self.end(order, State.REJECTED, Reason.SCRIPTED, order.scripted_end)
        elif order.intent.trigger is not None:
            order.state = State.WAITING
            self._meet(order, self.book(order.market).price)
        else:
            self._work(order)

    def _work(self, order: Order) -> None:
        order.state = State.OPEN
        order.working_ms = order.updated_ms = self._now(order)
        match(self, order)

    def _trigger(self, order: Order) -> None:
        order.triggered_ms = order.updated_ms = self._now(order)
        try:
            if order.intent.separate_book:
                self._trigger_apart(order)
                return
            if not order.intent.holds_funds:
                ledger.hold(order, self.book(order.market).price)
        except RefusedError as refused:
            finish(order, State.REJECTED, refused.reason, self._now(order))
            return
        self._work(order)

    def _trigger_apart(self, order: Order) -> None:
        plain = replace(order.intent, trigger=None, separate_book=False, client_id=f"autoalgo-{order.id}")
        order.child = self.submit(order.account, order.market, plain)
        order.leave(State.TRIGGERED, Reason.NONE, self._now(order))
