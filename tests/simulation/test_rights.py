"""The table of rights, held to the requests that the real store and its neighbours send; and that it can say no."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import botocore.client
import pytest

from chalicelib.aws.admin_token import AdminToken
from chalicelib.aws.credentials import AccountCredentials
from chalicelib.aws.secrets import ManagedSecrets
from chalicelib.aws.waker import LambdaWaker
from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.markets import KnownRules, MarketRules
from chalicelib.domain.orders import Order
from chalicelib.domain.outcomes import ExchangeOrder, OrderStatus, Side
from chalicelib.domain.ports import Change, Check, Delete, Insert, Row, Secrets, Store, Update
from chalicelib.exchanges.mock import MockBook
from chalicelib.exchanges.rules_book import RulesTable
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from chalicelib.store.mock_book import TableMockBook
from chalicelib.store.rules_table import SharedRules
from chalicelib.store.tables import MODELS
from infra.deployment.policies import function_names
from tests.conftest import PREFIX, REGION
from tests.desk import START, TurnableClock
from tests.simulation.asked import Asked
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.memory_store import MemoryStore, go_on
from tests.simulation.rights import BEYOND_SIMULATION, BY_KIND, CALLS, TABLES, Right, idle_rights, is_granted, rights_of
from tests.simulation.trial import run_trial
from tests.store import rows
from tests.store.wire import Request, Wire

ADMIN_TOKEN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:admin-token-Ab12Cd"

IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""A transaction takes the rights of what it consists of."""

MAKE: dict[str, Callable[[], Row]] = {
    "Order": rows.order,
    "CancelRequest": rows.cancel_request,
    "EventLog": rows.event,
    "AlertKey": rows.alert_key,
    "Strategy": rows.strategy,
    "Account": rows.account,
    "Switch": rows.switch,
    "Heartbeat": rows.heartbeat,
    "Ban": rows.ban,
}

ORDER = ExchangeOrder(
    exchange_order_id="mock-1",
    client_order_id="1",
    symbol="BTC/USDT",
    side=Side.BUY,
    status=OrderStatus.OPEN,
    quantity=Decimal(1),
    updated_at=START,
)
RULES = KnownRules(MarketRules(symbol="BTC/USDT", quantity_step=Decimal(1)), START)

LISTS: dict[str, Callable[[DynamoStore], Iterable[Awaitable[object]]]] = {
    "due_orders": lambda store: [store.due_orders(START, 5)],
    "live_orders": lambda store: [store.live_orders("s1")],
    "live_orders_of_account": lambda store: [store.live_orders_of_account("m1")],
    "due_cancels": lambda store: [store.due_cancels(START, 5)],
    "next_cancel_at": lambda store: [store.next_cancel_at()],
    "unsettled_events": lambda store: [store.unsettled_events(START, 5)],
    "recent_events": lambda store: [store.recent_events("s1", START - timedelta(minutes=10))],
    "list_orders": lambda store: [
        store.list_orders("s1", None, None, 5, None),
        store.list_orders(None, OrderStatus.OPEN, "BTC/USDT", 5, None),
    ],
    "list_cancels": lambda store: [
        store.list_cancels(CancelStatus.FAILED, 5, 0, None),
        store.list_cancels(None, 5, 5, None),
    ],
    "list_events": lambda store: [store.list_events("s1", 5, None)],
    "strategies": lambda store: [store.strategies()],
    "accounts": lambda store: [store.accounts()],
    "count_cancels": lambda store: [store.count_cancels(CancelStatus.FAILED, 5)],
    "oldest_cancel": lambda store: [store.oldest_cancel(CancelStatus.PENDING)],
    "oldest_request": lambda store: [store.oldest_request(CancelStatus.PENDING)],
    "newest_orders": lambda store: [store.newest_orders(7, 5)],
    "count_attention": lambda store: [store.count_attention(5)],
    "attention_orders": lambda store: [store.attention_orders(5)],
    "ping": lambda store: [store.ping()],
}

NEIGHBOURS: dict[str, Callable[[Database], Awaitable[object]]] = {
    "mock.add": lambda database: TableMockBook(database).add("m1", ORDER),
    "mock.get": lambda database: TableMockBook(database).get("m1", "1"),
    "mock.close": lambda database: TableMockBook(database).close("m1", ORDER),
    "mock.open_orders": lambda database: TableMockBook(database).open_orders("m1"),
    "mock.count_call": lambda database: TableMockBook(database).count_call("m1"),
    "rules.get": lambda database: SharedRules(database).get("binance-spot", "BTC/USDT"),
    "rules.put": lambda database: SharedRules(database).put("binance-spot", RULES),
}


@pytest.fixture(scope="module")
def connected(database_server: object) -> Database:
    """One client for all tests here."""
    return Database(TurnableClock(), REGION)


@pytest.fixture
def database(connected: Database, tables: str) -> Database:
    """The same on empty tables."""
    connected.clock = TurnableClock()
    return connected


@pytest.fixture
def store(database: Database) -> DynamoStore:
    return DynamoStore(database, PREFIX)


@pytest.fixture
def wire(store: DynamoStore, database: Database) -> Iterator[Wire]:
    with Wire(database.connection.client) as wire:
        yield wire


def rights_for(requests: Iterable[Request]) -> set[Right]:
    """What AWS would ask for, by each request as it was sent."""
    return {right for request in requests for right in _rights_for(request)}


def _rights_for(request: Request) -> Iterator[Right]:
    body = request.body
    if request.operation == "TransactWriteItems":
        for item in body["TransactItems"]:
            ((kind, change),) = item.items()
            yield IN_TRANSACTIONS[kind], _table(change)
    elif request.operation == "BatchGetItem":
        yield from ((request.operation, _table({"TableName": name})) for name in body["RequestItems"])
    else:
        index = body.get("IndexName")
        yield request.operation, _table(body) + (f"/index/{index}" if index else "")


def _table(change: dict[str, Any]) -> str:
    name: str = change["TableName"]
    assert name.startswith(f"{PREFIX}-")
    return name.removeprefix(f"{PREFIX}-")


# The store


def test_every_call_is_in_the_table() -> None:
    """A new method of a port, or a new kind of row, has to be entered there and tried here."""

    def of(port: type[Any]) -> set[str]:
        return {name for name in vars(port) if not name.startswith("_")}

    assert of(Store) == {*LISTS, "get", "get_all", "commit"}
    assert {f"mock.{name}" for name in of(MockBook)} | {f"rules.{name}" for name in of(RulesTable)} == {*NEIGHBOURS}
    others = {*(f"secrets.{name}" for name in of(Secrets)), "credentials.get", "admin_token.get", "wake"}
    assert {*LISTS, *NEIGHBOURS, *others} == {*CALLS}
    assert {kind.__name__ for kind in MODELS} == {*TABLES} == {*MAKE}
    assert {kind.__name__ for kind in Change.__args__} | {"get", "get_all"} == {*BY_KIND}


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_takes_the_rights_that_the_table_says(store: DynamoStore, wire: Wire, name: str) -> None:
    """Table or index, in each of its forms."""
    for call in LISTS[name](store):
        await call

    assert rights_for(wire.requests) == set(rights_of(name))


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
async def test_a_read_takes_the_rights_that_the_table_says(store: DynamoStore, wire: Wire, kind: type[Any]) -> None:
    """By one key, and by several where rows have a single one."""
    key = rows.key_of(MAKE[kind.__name__]())
    await store.get(kind, *key)
    assert rights_for(wire.requests) == set(rights_of(f"get {kind.__name__}"))

    if len(key) == 1:
        wire.requests.clear()
        await store.get_all(kind, key)
        assert rights_for(wire.requests) == set(rights_of(f"get_all {kind.__name__}"))


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(
    ("change", "alone"),
    [
        *((Insert, True), (Update, True), (Delete, True)),
        *((Insert, False), (Update, False), (Delete, False), (Check, False)),  # a check alone changes nothing
    ],
)
async def test_a_change_takes_the_rights_that_the_table_says(
    store: DynamoStore, wire: Wire, change: type[Any], kind: str, alone: bool
) -> None:
    """And so does reading what became of it, where the answer was lost (R4)."""
    row: Any = MAKE[kind]()
    if change is not Insert:
        await store.commit(Insert(row))
    changes = [Update(row, replace(row, version=row.version + 1)) if change is Update else change(row)]
    if not alone:
        changes.append(Insert(rows.strategy() if kind != "Strategy" else rows.alert_key()))
    wire.requests.clear()
    wire.forgets_tokens = True
    operation = BY_KIND[change.__name__][0] if alone else "TransactWriteItems"
    wire.faults[operation] = [wire.lose_answer()]

    await store.commit(*changes)

    sent = {right for right in rights_for(wire.requests) if right[1] == TABLES[kind]}
    assert sent == set(rights_of(f"{change.__name__} {kind}"))


async def test_updates_that_come_together_take_no_other_rights(store: DynamoStore, wire: Wire) -> None:
    """A group is a transaction of updates."""
    orders = [rows.order(), rows.order()]
    await store.commit(*(Insert(order) for order in orders))
    wire.requests.clear()

    await asyncio.gather(*(store.commit(Update(row, replace(row, version=row.version + 1))) for row in orders))

    assert wire.operations == ["TransactWriteItems"]
    assert rights_for(wire.requests) <= set(rights_of("Update Order"))


@pytest.mark.parametrize("name", NEIGHBOURS)
async def test_a_neighbour_takes_the_rights_that_the_table_says(database: Database, wire: Wire, name: str) -> None:
    """The mock's book and the market rules."""
    await NEIGHBOURS[name](database)

    assert rights_for(wire.requests) == set(rights_of(name))


# Secrets and the sweep


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tables: str) -> list[Right]:
    """The rights that each call of AWS takes. Lambda's are not carried out: nothing here runs functions."""
    calls: list[Right] = []
    carry_out = botocore.client.BaseClient._make_api_call

    def record(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "Invoke":
            calls.append(("InvokeFunction", arguments["FunctionName"]))
            return {}
        name = arguments.get("SecretId") or arguments["Name"]
        is_of_account = name.startswith(f"{PREFIX}/accounts/")
        calls.append((operation, "account-secrets" if is_of_account else "admin-token"))
        return {"SecretString": "token"} if name == ADMIN_TOKEN else carry_out(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", record)
    return calls


async def test_secrets_take_the_rights_that_the_table_says(calls: list[Right]) -> None:
    """Kept, kept again, read, and forgotten."""
    secrets = ManagedSecrets(PREFIX)

    name = await secrets.put("m1", {"api_key": "key", "api_secret": "secret"})
    await secrets.put("m1", {"api_key": "key", "api_secret": "other"})
    assert set(calls) == set(rights_of("secrets.put"))

    calls.clear()
    assert (await AccountCredentials("m1", name, None, TurnableClock()).get()).api_secret == "other"
    assert set(calls) == set(rights_of("credentials.get"))

    calls.clear()
    await secrets.delete(name)
    assert set(calls) == set(rights_of("secrets.delete"))


def test_the_admin_token_takes_the_rights_that_the_table_says(calls: list[Right]) -> None:
    """One secret, and no other."""
    assert AdminToken(ADMIN_TOKEN, TurnableClock()).get() == "token"

    assert set(calls) == set(rights_of("admin_token.get"))


async def test_a_wake_up_call_takes_the_rights_that_the_table_says(calls: list[Right]) -> None:
    """Beside its look at the heartbeat, which is one of the store's reads."""
    clock = TurnableClock()

    await LambdaWaker(MemoryStore(MemoryDatabase(clock), clock), clock, "sweep").wake(["order-1"])

    assert calls == list(rights_of("wake"))


# What is recorded, and what is made of it


async def test_what_a_function_asks_is_recorded() -> None:
    """Of whoever is no process, as the API's; by kind of row and change."""
    asked, clock = Asked(), TurnableClock()
    store = MemoryStore(MemoryDatabase(clock), clock, asked.seen_by(go_on))
    order, request = rows.order(), rows.cancel_request()

    await store.commit(Insert(order), Insert(request))
    await store.commit(Check(order), Update(request, replace(request, version=2)))
    await store.get_all(Order, [order.order_id])
    await store.get(CancelRequest, "x")
    for call in ("due_orders", "due_cancels", "unsettled_events"):
        await getattr(store, call)(START, 5)

    by_function = {"Insert Order", "Insert CancelRequest", "Check Order", "Update CancelRequest", "get_all Order"}
    by_function |= {"get CancelRequest", "due_orders", "due_cancels", "unsettled_events"}
    assert asked.uses == {("api_handler", use) for use in by_function}


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_of_the_simulations_is_recorded_by_a_name_of_the_table(name: str) -> None:
    """What a simulated store calls its requests is its own affair."""
    asked, clock = Asked(), TurnableClock()
    store: Any = MemoryStore(MemoryDatabase(clock), clock, asked.seen_by(go_on))

    for call in LISTS[name](store):
        await call

    assert {right for _, use in asked.uses for right in rights_of(use)} == set(rights_of(name))


def test_what_a_function_may_not_is_told() -> None:
    """With the call that takes it."""
    asked = Asked()
    asked.uses = {("sweep", "wake"), ("sweep", "get Order"), ("fire_cancels", "Delete Account")}

    assert list(asked.refused()) == [
        ("fire_cancels", "Delete Account", "DeleteItem on accounts"),
        ("sweep", "wake", "InvokeFunction on sweep"),
    ]


def test_a_right_that_is_missing_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any simulation in which a function needs it."""
    assert "rights" not in {violation.rule for violation in run_trial(3).violations}

    missing = ("reconcile", ("Query", "orders/index/live"))
    monkeypatch.setattr("tests.simulation.asked.is_granted", lambda *call: call != missing and is_granted(*call))
    found = {violation.words for violation in run_trial(3).violations if violation.rule == "rights"}

    assert "reconcile may not Query on orders/index/live, which `due_orders` takes" in found


def test_a_right_that_nothing_takes_is_told() -> None:
    """Of the sweep, if all that it did were to look at its heartbeat."""
    idle = {f"{action} {resource}" for action, resource in idle_rights("sweep", {"get Heartbeat", "Update Heartbeat"})}

    table = "arn:aws:dynamodb:eu-west-1:123456789012:table/trading-bot-dev-"
    assert f"dynamodb:UpdateItem {table}orders" in idle
    assert f"dynamodb:GetItem {table}system" not in idle
    assert f"dynamodb:UpdateItem {table}system" not in idle
    assert not any("logs:" in right for right in idle)


@pytest.mark.parametrize("function", BEYOND_SIMULATION)
def test_what_seldom_happens_is_allowed(function: str) -> None:
    """A right that is missing there would be a lost cancel on the worst of days."""
    missing = [
        (use, right)
        for use in sorted(BEYOND_SIMULATION[function])
        for right in rights_of(use)
        if not is_granted(function, right)
    ]

    assert not missing
    assert set(BEYOND_SIMULATION) == set(function_names())
