"""A whole life on all five markets, through the API, with everything written down that anybody could ever read."""

import json
import logging
import re
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from chalicelib import handlers, runtime
from chalicelib.domain.orders import Order
from chalicelib.domain.strategies import Account
from tests.api.desk import Answer, ApiDesk
from tests.conftest import ADMIN_TOKEN
from tests.exchanges.markets.terms import Terms
from tests.trading.floor import MARKETS, REST, Floor
from tests.trading.wire import Wire

WEBHOOK_TOKEN = "the-webhook-token-itself"

KEYS: Mapping[str, tuple[str, str]] = {
    "binance": ("binanceKeyItself" * 4, "binanceSecretItself" * 3),
    "bybit": ("bybitKeyItself", "bybitSecretItself" * 2),
    "upbit": ("upbitKeyItself" * 2, "upbitSecretItself" * 2),
}

SECRETS = {
    "admin token": ADMIN_TOKEN,
    "webhook token": WEBHOOK_TOKEN,
    "header of a key": "X-MBX-APIKEY",
    **{f"{exchange} key": key for exchange, (key, _) in KEYS.items()},
    **{f"{exchange} secret": secret for exchange, (_, secret) in KEYS.items()},
}
"""Beside signatures and JWTs, which are made as it goes."""

TOKEN = re.compile(r"[A-Za-z0-9_-]{40,}")
JWT = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}")

LOST: tuple[dict[str, Any], ...] = (
    {"kind": "timeout", "taken": True},
    {"kind": "reset"},
    {"kind": "garbage", "taken": True},
    {"kind": "error", "variant": "bad_gateway"},
    {"kind": "rate_limit"},
)
"""What can become of a request, at all five markets."""


class Heard(logging.Handler):
    """Everything that is logged, as text; our own lines as they are printed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[tuple[str, str]] = []
        self._plain = logging.Formatter("%(name)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        ours = logging.getLogger("chalicelib").handlers
        formatter = ours[0].formatter if record.name.startswith("chalicelib") and ours else None
        self.lines.append((record.name, (formatter or self._plain).format(record)))

    def said_by(self, library: str) -> list[str]:
        """The lines of its loggers."""
        return [text for name, text in self.lines if name.partition(".")[0] == library]


@dataclass
class Life:
    """What was seen of it."""

    answers: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    statuses: set[str] = field(default_factory=set)
    signed: list[httpx.Request] = field(default_factory=list)


def leaks(texts: list[str], signed: list[httpx.Request]) -> dict[str, str]:
    """What of all that nobody may read stands there, by what it is, each with the first text that shows it."""
    known = {name: value for name, value in SECRETS.items() if any(value in text for text in texts)}
    tokens = {f"signature {value[:8]}": value for value in {signature_of(request) for request in signed}}
    shown = {token for text in texts for token in TOKEN.findall(text)}
    known |= {name: value for name, value in tokens.items() if any(value in token for token in shown)}
    jwt = next((found[0] for text in texts if (found := JWT.search(text))), None)
    known |= {"JWT": jwt} if jwt else {}
    return {name: next(text for text in texts if value in text)[:300] for name, value in known.items()}


def written_out(request: httpx.Request) -> str:
    """All that went over the wire."""
    return f"{request.headers.raw} {request.url} {request.content.decode()}"


def signature_of(request: httpx.Request) -> str:
    """As it was sent."""
    sent = f"{request.url.query.decode()}&{request.content.decode()}"
    in_parameters = re.search(r"signature=([0-9a-f]{64})", sent)
    if in_parameters:
        return in_parameters[1]
    if "X-BAPI-SIGN" in request.headers:
        return str(request.headers["X-BAPI-SIGN"])
    return str(request.headers["Authorization"]).rpartition(".")[2]


class Story:
    """Plays the life."""

    def __init__(self, api: ApiDesk, floor: Floor, wire: Wire) -> None:
        self.life = Life(signed=wire.signed)
        self._api = api
        self._floor = floor
        self._numbers = count(1)
        self._last_orders: list[str] = []

    def play(self) -> Life:
        """All of it."""
        self._begin()
        self._trade_and_cancel()
        for fault in LOST:
            self._under(fault, "create", self._sell)
        orders = self._buy_below()
        self._under({"kind": "reset", "times": 2}, "cancel", lambda: self._cancel(orders))
        self._under({"kind": "error", "variant": "bad_gateway", "times": 6}, "query", self._settle)
        self._settle()
        self._refuse_signatures()
        self._raise_errors()
        self._under({"kind": "error", "status": 403, "body": "<html>Forbidden</html>"}, "create", self._sell)
        self._read_everything()
        return self.life

    def _begin(self) -> None:
        for exchange, (key, secret) in KEYS.items():
            self._floor.control.add_account(exchange, key, secret)
        for terms in MARKETS:
            key, secret = KEYS[terms.exchange]
            body = {
                "exchange": terms.exchange,
                "market": terms.market,
                "credentials": {"api_key": key, "api_secret": secret},
            }
            self._note(self._api.put(f"accounts/{terms.name}", body))
        runtime.run(self._floor.strategy("s1", *(terms.name for terms in MARKETS), token=WEBHOOK_TOKEN))
        self._note(self._api.get("strategies/s1"))
        self._note(self._api.alert(token="not-" + WEBHOOK_TOKEN))
        self._note(self._api.call("GET", "/api/v1/orders", headers={"Authorization": f"Bearer {ADMIN_TOKEN}x"}))
        self._note(self._api.alert(token=WEBHOOK_TOKEN, order_type="NONSENSE"))

    def _trade_and_cancel(self) -> None:
        self._sell()
        self._cancel(self._buy_below()[:3])
        self._note(self._api.alert(token=WEBHOOK_TOKEN, order_type="CANCEL_ALL", side=None, quantity=None))
        handlers.sweep({}, None)

    def _under(self, fault: Mapping[str, Any], operation: str, act: Callable[[], None]) -> None:
        """Do this while each market treats its requests so."""
        for terms in MARKETS:
            self._floor.control.fault(**fault, exchange=terms.name, operation=operation)
        act()
        self._floor.control.clear_faults()

    def _cancel(self, orders: list[str]) -> None:
        for order_id in orders:
            self._note(self._api.cancel(order_id))

    def _refuse_signatures(self) -> None:
        """The exchanges know another secret; Bybit answers with all that was signed."""
        orders = self._buy_below()
        for exchange, (key, _) in KEYS.items():
            self._floor.control.add_key(exchange, key, "another", of_key=key)
        self._sell()
        self._cancel(orders)
        for exchange, (key, secret) in KEYS.items():
            self._floor.control.add_key(exchange, key, secret, of_key=key)
        self._settle()

    def _raise_errors(self) -> None:
        """What the adapters raise when nothing works, and what they answer."""
        order = runtime.run(self._floor.store.get(Order, self._last_orders[0]))
        for fault in ({"kind": "garbage"}, {"kind": "close"}):
            for terms in MARKETS:
                self._floor.control.fault(**fault, exchange=terms.name, times=None)
                runtime.run(self._ask(terms, order))
                self._floor.control.clear_faults()

    async def _ask(self, terms: Terms, order: Order) -> None:
        account = await self._floor.store.get(Account, terms.name)
        venue = self._floor.services.exchanges.venue_for(account)
        session: Any = await self._floor.services.exchanges.session(account, venue)
        asked: list[Callable[[], Awaitable[object]]] = [
            session.open_orders,
            lambda: session.free_balance("BTC"),
            lambda: session.last_price("ETH/USDT"),
            lambda: session.find(order),
            lambda: session.cancel(order),
        ]
        for ask in asked:
            try:
                self.life.errors.append(repr(await ask()))
            except Exception as error:
                self.life.errors.append("".join(traceback.format_exception(error)) + repr(error))

    def _sell(self) -> None:
        self._note(self._api.alert(token=WEBHOOK_TOKEN, side="sell", alert_id=f"sell-{next(self._numbers)}"))

    def _buy_below(self) -> list[str]:
        """Ids of the five orders, sent."""
        answer = self._api.alert(
            token=WEBHOOK_TOKEN, order_type="LIMIT", price=str(REST), alert_id=f"buy-{next(self._numbers)}"
        )
        self._note(answer)
        self._last_orders = [result["order_id"] for result in answer.results]
        for order_id in self._last_orders:
            self._api.place(order_id)
        return self._last_orders

    def _settle(self) -> None:
        """Half a minute passes, and the schedule comes."""
        self._floor.clock.turn(30.0)
        handlers.reconcile({}, None)

    def _read_everything(self) -> None:
        orders = self._api.get("orders?limit=100&strategy_id=s1")
        for path in (
            "cancel-queue?limit=100",
            "strategy-order-logs?strategy_id=s1&limit=100",
            "accounts",
            "strategies",
        ):
            self._note(self._api.get(path))
        self._note(orders)
        for row in orders.body["items"]:
            self._note(self._api.get(f"orders/{row['order_id']}"))
        self.life.statuses = {row["status"] for row in orders.body["items"]}
        self.life.rows = [json.dumps(row, default=str) for rows in self._api.everything().values() for row in rows]

    def _note(self, answer: Answer) -> None:
        self.life.answers.append(f"{answer.raw.decode()} {dict(answer.headers)}")
