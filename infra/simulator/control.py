"""Commanding the simulator: prices, fills, money, failures, time; and reading all that it knows."""

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, cast

from infra.simulator.faults import Fault
from infra.simulator.fronts import OPERATIONS, VARIANTS
from infra.simulator.model import EXCHANGE_OF, Book, Exchange, Order, Reason, State, Venue
from infra.simulator.views import balances_view, order_view, positions_view
from infra.simulator.world import World

Amount = Decimal | str | int
Status = Literal["trading", "halted", "cancel_only"]
EXCHANGES: tuple[Exchange, ...] = ("binance", "bybit", "upbit")


class Control:
    """May be used from any thread. Every method is also POST /_simulator/<name> with its arguments as JSON."""

    def __init__(self, world: World) -> None:
        self._world = world

    # Time

    def hold_clock(self, ms: int) -> None:
        """Let time stand still at this moment."""
        self._do(lambda: self._world.clock.hold(ms))

    def advance_clock(self, ms: int) -> None:
        self._do(lambda: self._world.clock.advance(ms))

    def run_clock(self) -> None:
        """Go with the machine's time again."""
        self._do(self._world.clock.run)

    def set_clock_skew(self, exchange: str, ms: int) -> None:
        """How far this exchange's clock is ahead of the simulator's."""
        self._do(lambda: self._world.engine.skew_ms.__setitem__(_exchange(exchange), ms))

    def set_latency(self, ms: int, exchange: str | None = None) -> None:
        """Time between request and answer, half before and half after the exchange acts."""
        for name in EXCHANGES if exchange is None else (_exchange(exchange),):
            self._world.latency_ms[name] = ms

    def set_delays(self, **milliseconds: int) -> None:
        """Fields of `world.Delays`, such as bybit_create=2000."""
        with self._world.lock:
            self._world.delays = dataclasses.replace(self._world.delays, **milliseconds)

    # Markets

    def set_price(self, venue: str, symbol: str, price: Amount) -> None:
        """Triggers conditional orders and fills the resting ones that it crosses."""
        book = self._book(venue, symbol)
        self._do(lambda: self._world.engine.set_price(book.market, Decimal(price)))

    def set_liquidity(self, venue: str, symbol: str, quantity: Amount | None) -> None:
        """How much of the base the market trades before it is empty; None: without end."""
        self._book(venue, symbol).liquidity = None if quantity is None else Decimal(quantity)

    def set_market_status(self, venue: str, symbol: str, status: Status) -> None:
        self._book(venue, symbol).status = status

    def add_market(self, venue: str, symbol: str, base: str, quote: str, price: Amount, **rules: Amount) -> None:
        """Like the venue's first market but for the rules given: tick, step, min_quantity, max_quantity, ..."""
        name = _venue(venue)
        pattern = self._world.books(name)[0].market
        numbers: dict[str, Any] = {rule: Decimal(value) for rule, value in rules.items()}
        market = dataclasses.replace(
            pattern, symbol=symbol, base=base, quote=quote, start_price=Decimal(price), **numbers
        )
        self._do(lambda: self._world.engine.books.__setitem__((name, symbol), Book(market, market.start_price)))

    # Accounts

    def add_account(
        self, exchange: str, key: str, secret: str, balances: Mapping[str, Mapping[str, Amount]] | None = None
    ) -> None:
        """Balances by wallet and asset; the usual ones unless given. Wallets: spot, futures, unified."""
        amounts = None
        if balances is not None:
            amounts = {name: {a: Decimal(n) for a, n in wallet.items()} for name, wallet in balances.items()}
        self._do(lambda: self._world.add_credential(_exchange(exchange), key, secret, amounts))

    def add_key(self, exchange: str, key: str, secret: str, of_key: str) -> None:
        """A second key of the account that `of_key` belongs to."""
        name = _exchange(exchange)
        known = self._world.credentials[name, of_key]
        self._world.credentials[name, key] = dataclasses.replace(known, key=key, secret=secret, denial=None)

    def deny_key(self, exchange: str, key: str, reason: str | None) -> None:
        """Refuse a key until None. Bybit: expired, permission, ip. Upbit: expired_access_key, no_authorization_ip,
        out_of_scope. Binance has one answer for all."""
        self._world.credentials[_exchange(exchange), key].denial = reason

    def remove_key(self, exchange: str, key: str) -> None:
        self._world.credentials.pop((_exchange(exchange), key))

    def deposit(self, exchange: str, key: str, asset: str, amount: Amount, wallet: str | None = None) -> None:
        """A negative amount withdraws."""
        account = self._world.credentials[_exchange(exchange), key].account
        with self._world.lock:
            account.balance(wallet or next(iter(account.wallets)), asset).free += Decimal(amount)

    def set_hedge_mode(self, exchange: str, key: str, on: bool) -> None:
        self._world.credentials[_exchange(exchange), key].account.hedge_mode = on

    # Orders

    def fill(self, order: str, quantity: Amount | None = None, price: Amount | None = None) -> None:
        """The market takes a resting order, in part or whole. `order`: exchange id, uuid or client id."""
        found = self._order(order, live=True)
        amount = found.remaining if quantity is None else Decimal(quantity)
        at = None if price is None else Decimal(price)
        self._do(lambda: self._world.engine.fill(found, amount, at))

    def end_order(self, order: str, state: str = "canceled", note: str = "") -> None:
        """The exchange ends an order: canceled, expired or rejected; `note` is its word for it."""
        found = self._order(order, live=True)
        self._do(lambda: self._world.engine.end(found, State(state), Reason.BY_EXCHANGE, note))

    def number_orders_from(self, venue: str, first: int) -> None:
        self._world.engine.number_from(_venue(venue), first)

    def restart_bybit(self) -> None:
        """Its realtime list forgets closed orders; history keeps them."""
        self._do(lambda: setattr(self._world, "bybit_restarted_ms", self._world.engine.now_ms("bybit")))

    # Failures and limits

    def fault(self, kind: str, **fields: Any) -> int:
        """Add one (see faults.Fault for the fields); the answer is its id."""
        fault = Fault(cast(Any, kind), **fields)
        _check_aim(fault)
        with self._world.lock:
            return self._world.faults.add(fault, self._world.clock.now_ms())

    def hold_answers(
        self,
        ms: int,
        exchange: str | None = None,
        key: str | None = None,
        operation: str = "create",
        times: int | None = 1,
    ) -> int:
        """The exchange acts at once and answers so much later: an acknowledgement that is under way."""
        fields = {"exchange": exchange, "key": key, "operation": operation, "times": times}
        return self.fault("slow", taken=True, delay_ms=ms, **fields)

    def clear_faults(self, fault_id: int | None = None) -> None:
        with self._world.lock:
            self._world.faults.clear(fault_id)

    def faults(self) -> list[dict[str, Any]]:
        return [dataclasses.asdict(fault) for fault in self._world.faults]

    def set_rate_limits(self, exchange: str, on: bool) -> None:
        """Off: nothing is counted or refused, and no answer tells of limits."""
        self._world.limits_on[_exchange(exchange)] = on

    def set_rate_limit(self, name: str, limit: int) -> None:
        """`binance-spot.weight`, `binance-usdm.10S`, `bybit-linear.trade`, `bybit.ip`, `upbit.order` and the like."""
        scope, _, what = name.partition(".")
        world = self._world
        if scope.startswith("binance"):
            windows = {"weight": world.binance_limits.weight[scope], **world.binance_limits.orders[scope]}
            windows[what].limit = limit
        elif name == "bybit.ip":
            world.bybit_limits.per_ip = limit
        elif scope.startswith("bybit"):
            world.bybit_limits.per_second[what, _venue(scope)] = limit
        else:
            world.upbit_limits.groups[what] = (limit, world.upbit_limits.groups[what][1])

    # Reading

    def orders(
        self, venue: str | None = None, key: str | None = None, client_id: str | None = None, live: bool | None = None
    ) -> list[dict[str, Any]]:
        """Oldest first for each account, whether customers can see them yet or not."""
        with self._world.lock:
            self._world.engine.run_due()
            return [
                order_view(order)
                for order in self._world.engine.orders
                if venue in (None, order.market.venue, order.market.exchange)
                and (key is None or order.account is self._account(order.market.exchange, key))
                and client_id in (None, order.intent.client_id)
                and live in (None, order.live)
            ]

    def balances(self, exchange: str, key: str) -> dict[str, dict[str, dict[str, str]]]:
        """By wallet and asset: free and locked."""
        with self._world.lock:
            self._world.engine.run_due()
            return balances_view(self._world.credentials[_exchange(exchange), key].account)

    def positions(self, exchange: str, key: str) -> list[dict[str, Any]]:
        with self._world.lock:
            self._world.engine.run_due()
            return positions_view(self._world.credentials[_exchange(exchange), key].account)

    def requests(
        self, venue: str | None = None, operation: str | None = None, key: str | None = None
    ) -> list[dict[str, Any]]:
        """What came in, the last 20,000, oldest first, without queries and bodies: they carry signatures."""
        wanted = (("venue", venue), ("operation", operation), ("key", key))
        with self._world.lock:
            return [row for row in self._world.journal if all(value in (None, row[name]) for name, value in wanted)]

    def state(self) -> dict[str, Any]:
        """Everything: time, prices, orders, balances, faults."""
        with self._world.lock:
            books = self._world.engine.books.items()
            return {
                "now_ms": self._world.clock.now_ms(),
                "prices": {f"{venue} {symbol}": str(book.price) for (venue, symbol), book in books},
                "orders": self.orders(),
                "accounts": {
                    f"{exchange} {key}": balances_view(credential.account)
                    for (exchange, key), credential in self._world.credentials.items()
                },
                "faults": self.faults(),
            }

    def reset(self) -> None:
        """As it was when it started: orders, money, time, faults, limits."""
        with self._world.lock:
            self._world.reset()

    def _do(self, action: Any) -> None:
        """What was due before happens before, what becomes due happens at once."""
        with self._world.lock:
            self._world.engine.run_due()
            action()
            self._world.engine.run_due()

    def _book(self, venue: str, symbol: str) -> Book:
        return self._world.engine.books[_venue(venue), symbol]

    def _account(self, exchange: Exchange, key: str) -> Any:
        credential = self._world.credentials.get((exchange, key))
        return credential.account if credential else None

    def _order(self, name: str, *, live: bool) -> Order:
        self._do(lambda: None)
        found = [
            order
            for order in self._world.engine.orders
            if name in (str(order.id), order.uuid, order.intent.client_id) and order.live == live
        ]
        if len(found) != 1:
            raise LookupError(f"{len(found)} live orders are named {name!r}")
        return found[0]


def _check_aim(fault: Fault) -> None:
    """A fault that can never hit is a mistake."""
    for wanted, known in (
        (fault.exchange, {*EXCHANGES, *EXCHANGE_OF}),
        (fault.operation, OPERATIONS),
        (fault.variant, VARIANTS),
    ):
        if wanted is not None and wanted not in known:
            raise LookupError(f"{wanted!r} is none of {', '.join(sorted(known))}")


def _exchange(name: str) -> Exchange:
    if name not in EXCHANGES:
        raise LookupError(f"no exchange {name!r}")
    return name


def _venue(name: str) -> Venue:
    if name not in EXCHANGE_OF:
        raise LookupError(f"no venue {name!r}")
    return name
