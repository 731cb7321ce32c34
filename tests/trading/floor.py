"""A trading floor for tests: the whole core over the real adapters, five accounts on five markets of the simulator."""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from chalicelib.aws.credentials import AccountCredentials
from chalicelib.aws.secrets import ManagedSecrets
from chalicelib.domain.alerts import OrderAlert
from chalicelib.domain.clock import after, seconds_between
from chalicelib.domain.ids import Ids
from chalicelib.domain.orders import Order, OrderType
from chalicelib.domain.outcomes import OrderStatus, Side
from chalicelib.domain.policy import Policy
from chalicelib.exchanges.directory import Directory
from chalicelib.settings import EXCHANGE_URLS, EXCHANGES, load_settings
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from chalicelib.store.mock_book import TableMockBook
from chalicelib.store.rules_table import SharedRules
from chalicelib.usecases import catalog
from chalicelib.usecases.alerts import AlertAnswer
from chalicelib.usecases.bans import record_ban
from chalicelib.usecases.cancelling import request_cancel
from chalicelib.usecases.placing import place_ready
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.services import Services
from chalicelib.usecases.sweep import Sweep
from infra.simulator import Simulator
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from tests.conftest import PREFIX
from tests.desk import Desk, RecordingWaker, TurnableClock, order_alert
from tests.exchanges.markets import terms as all_terms
from tests.exchanges.markets.terms import BINANCE_FUTURES, BINANCE_SPOT, BYBIT_FUTURES, BYBIT_SPOT, Terms
from tests.meddling_store import MeddlingStore
from tests.trading.wire import Wire

UPBIT = replace(all_terms.UPBIT, symbol="BTC/USDT", native="USDT-BTC")
MARKETS = (BINANCE_SPOT, BINANCE_FUTURES, BYBIT_SPOT, BYBIT_FUTURES, UPBIT)
"""All five have BTC/USDT, so that one alert can mean them all."""

BYBIT = (BYBIT_SPOT, BYBIT_FUTURES)
WITH_CLOCK = (BINANCE_SPOT, BINANCE_FUTURES, *BYBIT)
"""Their requests carry a time, which the exchange checks."""

ONE_OF_EACH = (BINANCE_SPOT, BYBIT_SPOT, UPBIT)
"""Where the exchange decides, not the market."""

REST = Decimal(45_000)
"""A price at which a purchase rests."""

ENVIRONMENT = {
    f"{exchange.upper()}_API_{part}": value
    for exchange in EXCHANGES
    for part, value in (("KEY", TEST_KEY), ("SECRET", TEST_SECRET))
}
"""The key that the simulator knows from the start, as the environment gives it."""


class Floor(Desk):
    """A desk whose accounts trade at the simulator, each under the name of its market."""

    def __init__(
        self,
        simulator: Simulator,
        database: Database,
        clock: TurnableClock,
        wire: Wire,
        environ: Mapping[str, str],
        policy: Policy | None = None,
    ) -> None:
        self.control = simulator.control
        self.clock = clock
        self.waker = RecordingWaker()
        urls = dict.fromkeys(EXCHANGE_URLS, simulator.url)
        self._settings = load_settings({**urls, "TABLE_PREFIX": PREFIX, "USE_MOCK_EXCHANGE": "false", **environ})
        self._policy = policy or self._settings.policy
        self._database = database
        self._wire = wire
        self._alert_numbers = itertools.count(1)
        self.services = self._process(MeddlingStore(DynamoStore(database, PREFIX)))
        self.store = self.services.store

    def another_process(self) -> Services:
        """A second Lambda: the same tables, and nothing remembered of exchanges."""
        return self._process(DynamoStore(self._database, PREFIX))

    async def open_account(self, terms: Terms, credentials: Mapping[str, str] | None = None) -> str:
        """An account at this market; its key is the environment's unless one is given. Returns its name."""
        given = catalog.AccountInput(
            exchange=terms.exchange,
            market=terms.market,
            testnet=False,
            enabled=True,
            options={},
            credentials=credentials,
        )
        await catalog.put_account(self.services, terms.name, given)
        return terms.name

    async def trade_at(self, *markets: Terms) -> None:
        """Strategy s1 with an account at each of these markets."""
        names = [await self.open_account(terms) for terms in markets]
        await self.strategy("s1", *names)

    async def limit(self, **fields: Any) -> AlertAnswer:
        """Buy 0.1 BTC below the market: stored, not sent yet."""
        return await self._fresh_alert(order_alert(OrderType.LIMIT, **{"price": REST, **fields}))

    async def sell(self, **fields: Any) -> AlertAnswer:
        """Sell 0.1 BTC at what it is worth, which every market takes by quantity."""
        return await self._fresh_alert(order_alert(OrderType.MARKET, **{"side": Side.SELL, **fields}))

    async def hand_over(self, answer: AlertAnswer, services: Services | None = None) -> list[Order]:
        """The stream hands the READY orders to the function that places them."""
        chosen = services or self.services
        await asyncio.gather(
            *(place_ready(chosen, order_id, "stream", self.budget(10.0)) for order_id in answer.event.order_ids)
        )
        return await self.orders(answer)

    async def send(self, kind: OrderType) -> tuple[AlertAnswer, list[Order]]:
        """An alert, and its orders once they were sent."""
        if kind is OrderType.LIMIT:
            answer = await self.limit()
            return answer, await self.hand_over(answer)
        answer = await self.sell()
        return answer, await self.orders(answer)

    async def orders(self, answer: AlertAnswer) -> list[Order]:
        """Its rows, by account in the order of the strategy."""
        return [await self.order(order_id) for order_id in answer.event.order_ids]

    async def only(self, answer: AlertAnswer) -> Order:
        """The row of its one order."""
        (order,) = await self.orders(answer)
        return order

    async def cancel(self, order_id: str) -> bool:
        """A person asks for it; whether it is proven already."""
        proven, _ = await request_cancel(self.services, order_id, "api", self.budget(10.0))
        return proven

    async def settle(self, *order_ids: str, services: Services | None = None) -> list[Order]:
        """Let the schedules run, each when something is due, until nothing is left to be done for these orders."""
        chosen = services or self.services
        for _ in range(30):
            rows = [await self.order(order_id) for order_id in order_ids]
            if all(_settled(row) for row in rows):
                return rows
            await self._turn_to_next(rows)
            await reconcile(chosen, self.budget(55.0))
            if any(row.cancel_requested for row in rows):
                await Sweep(chosen, self.budget(60.0)).run()
        raise AssertionError(f"not settled: {[(row.account_id, row.status, row.placement, row.error) for row in rows]}")

    def refuse_look_ups(self, terms: Terms) -> Callable[[], None]:
        """Every look-up at this market is answered with HTTP 502, until what is returned is called."""
        faults = [
            self.control.fault("error", exchange=terms.name, operation=operation, variant="bad_gateway", times=None)
            for operation in ("query", "history", "fills")
        ]

        def allow() -> None:
            for fault in faults:
                self.control.clear_faults(fault)

        return allow

    def on_book(self, terms: Terms, *, live: bool | None = None) -> list[dict[str, Any]]:
        """The orders that the exchange has, or ever had."""
        return self.control.orders(terms.name, live=live)

    def ids_on_book(self, terms: Terms, *, live: bool | None = None) -> list[str]:
        """Client ids of those."""
        return [order["client_id"] for order in self.on_book(terms, live=live)]

    def creates(self, terms: Terms) -> list[dict[str, Any]]:
        """The creates that came in, taken or not."""
        return self.control.requests(venue=terms.name, operation="create")

    async def _fresh_alert(self, alert: OrderAlert) -> AlertAnswer:
        """No resend of an earlier one that reads the same."""
        return await self.alert(alert, alert_id=f"alert-{next(self._alert_numbers)}")

    async def _turn_to_next(self, rows: Sequence[Order]) -> None:
        times = [row.check_at for row in rows if row.check_at is not None and not _settled(row)]
        due = min(times, default=after(self.clock.now(), 1.0))
        self.clock.turn(max(0.0, seconds_between(self.clock.now(), due)))

    def _process(self, store: Any) -> Services:
        keys = self._settings.exchange_keys
        directory = Directory(
            self.clock,
            TableMockBook(self._database),
            SharedRules(self._database),
            lambda account: AccountCredentials(
                account.account_id, account.secret_name, keys.get(account.exchange), self.clock
            ),
            use_mock=self._settings.use_mock_exchange,
            urls=self._settings.exchange_urls,
            max_retries=self._policy.exchange_max_retries,
            sender_to=self._wire.connect,
        )
        services = Services(
            store=store,
            exchanges=directory,
            clock=self.clock,
            ids=Ids("test-"),
            policy=self._policy,
            waker=self.waker,
            secrets=ManagedSecrets(PREFIX),
        )
        directory.on_ban = lambda account_id, until: record_ban(services, account_id, until)
        return services


def _settled(row: Order) -> bool:
    return row.terminal or (row.status is OrderStatus.OPEN and row.may_rest and not row.cancel_requested)
