"""Where an account's key comes from, and what happens when the exchange refuses it."""

import asyncio
import json
from typing import Any

import pytest
from botocore.client import BaseClient

from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import OrderStatus
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.domain.strategies import Account
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from tests.conftest import PREFIX
from tests.exchanges.markets.terms import BINANCE_FUTURES, BYBIT_SPOT, Terms
from tests.trading.conftest import OpenFloor
from tests.trading.floor import ENVIRONMENT, MARKETS, ONE_OF_EACH, UPBIT, Floor

NEW_KEY, NEW_SECRET = "rotatedkey" * 6, "rotatedsecret" * 5
OF_THE_SIMULATOR = {"api_key": TEST_KEY, "api_secret": TEST_SECRET}


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The secrets that were asked for at Secrets Manager."""
    asked: list[str] = []
    call = BaseClient._make_api_call

    def counted(client: Any, operation: str, parameters: Any) -> Any:
        if operation == "GetSecretValue":
            asked.append(parameters["SecretId"])
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return asked


def rotate(floor: Floor, secrets: Any, terms: Terms) -> None:
    """The exchange gives the account a new key and drops the old one; somebody stores the new one."""
    floor.control.add_key(terms.exchange, NEW_KEY, NEW_SECRET, of_key=TEST_KEY)
    floor.control.remove_key(terms.exchange, TEST_KEY)
    text = json.dumps({"api_key": NEW_KEY, "api_secret": NEW_SECRET})
    secrets.put_secret_value(SecretId=secret_of(terms), SecretString=text)


def secret_of(terms: Terms) -> str:
    """Its name at Secrets Manager."""
    return f"{PREFIX}/accounts/{terms.name}"


async def trade_with(floor: Floor, terms: Terms, credentials: dict[str, str] | None) -> None:
    """An account with a key of its own."""
    await floor.open_account(terms, credentials)
    await floor.strategy("s1", terms.name)


async def test_an_accounts_own_key_is_asked_for_once(open_floor: OpenFloor, loads: list[str]) -> None:
    """From Secrets Manager, at all exchanges; it wins over the environment's, which none of them would take."""
    floor = open_floor(dict.fromkeys(ENVIRONMENT, "stale"))
    for terms in ONE_OF_EACH:
        await floor.open_account(terms, OF_THE_SIMULATOR)
    await floor.strategy("s1", *(terms.name for terms in ONE_OF_EACH))

    for _ in range(2):
        answer, _ = await floor.send(OrderType.MARKET)
        rows = await floor.settle(*answer.event.order_ids)
        assert [row.status for row in rows] == [OrderStatus.FILLED] * 3
        floor.clock.turn(60.0)

    assert sorted(loads) == sorted(secret_of(terms) for terms in ONE_OF_EACH)


async def test_accounts_without_a_key_of_their_own_use_the_environments(floor: Floor, loads: list[str]) -> None:
    """Nobody asks Secrets Manager."""
    await floor.trade_at(*ONE_OF_EACH)

    answer, _ = await floor.send(OrderType.MARKET)

    rows = await floor.settle(*answer.event.order_ids)
    assert [row.status for row in rows] == [OrderStatus.FILLED] * 3
    assert {request["key"] for request in floor.control.requests(operation="create")} == {TEST_KEY}
    assert loads == []


@pytest.mark.parametrize(
    ("kind", "terms"),
    [(OrderType.MARKET, BINANCE_FUTURES), (OrderType.MARKET, BYBIT_SPOT), (OrderType.LIMIT, UPBIT)],
    ids=str,
)
async def test_a_rotated_key_is_loaded_once_and_the_order_goes_through(
    floor: Floor, loads: list[str], secrets: Any, terms: Terms, kind: OrderType
) -> None:
    """Refused under the old key, which a warm process remembers, it is tried again under the new one."""
    await trade_with(floor, terms, OF_THE_SIMULATOR)
    first, _ = await floor.send(kind)
    await floor.settle(*first.event.order_ids)
    rotate(floor, secrets, terms)
    loads.clear()

    answer, _ = await floor.send(kind)

    (order,) = await floor.settle(*answer.event.order_ids)
    assert order.status is (OrderStatus.OPEN if kind is OrderType.LIMIT else OrderStatus.FILLED)
    assert loads == [secret_of(terms)]
    creates = [(create["key"], create["status"] in (200, 201)) for create in floor.creates(terms)[1:]]
    assert creates[-1] == (NEW_KEY, True)
    assert len(floor.on_book(terms)) == 2


async def test_a_market_order_at_upbit_ends_with_its_identifier_and_the_next_one_goes_through(
    floor: Floor, secrets: Any
) -> None:
    """A refused request has used its identifier up there, and a market order has no second attempt (R9)."""
    await trade_with(floor, UPBIT, OF_THE_SIMULATOR)
    await floor.send(OrderType.MARKET)
    rotate(floor, secrets, UPBIT)

    answers = [(await floor.send(OrderType.MARKET))[0] for _ in range(2)]

    refused, placed = [await floor.only(answer) for answer in answers]
    assert (refused.status, refused.reason) == (OrderStatus.REJECTED, "NOT_PLACED")
    assert placed.status is OrderStatus.FILLED
    assert refused.order_id not in floor.ids_on_book(UPBIT)


@pytest.mark.parametrize("terms", [BINANCE_FUTURES, UPBIT], ids=str)
async def test_an_open_order_is_cancelled_under_the_new_key(floor: Floor, secrets: Any, terms: Terms) -> None:
    """A refused key never counts as a refused cancel (R17)."""
    await trade_with(floor, terms, OF_THE_SIMULATOR)
    answer, _ = await floor.send(OrderType.LIMIT)
    (open_order,) = await floor.settle(*answer.event.order_ids)
    rotate(floor, secrets, terms)

    await floor.cancel(open_order.order_id)

    (order,) = await floor.settle(open_order.order_id)
    assert order.status is OrderStatus.CANCELLED
    assert (await floor.request(order.order_id)).retry_count == 0
    assert floor.on_book(terms, live=True) == []


@pytest.mark.parametrize("terms", [BYBIT_SPOT, UPBIT], ids=str)
async def test_a_key_that_stays_wrong_is_loaded_again_once_a_minute_at_most(
    floor: Floor, loads: list[str], terms: Terms
) -> None:
    """However often the exchange refuses it: Secrets Manager is asked at first, and once more."""
    await trade_with(floor, terms, {"api_key": "nobodys", "api_secret": "unknown"})

    for _ in range(3):
        answer, _ = await floor.send(OrderType.MARKET)
        (order,) = await floor.settle(*answer.event.order_ids)
        assert order.status is OrderStatus.REJECTED

    assert order.error
    assert loads == [secret_of(terms)] * 2
    assert floor.on_book(terms) == []
    floor.clock.turn(61.0)
    await floor.send(OrderType.MARKET)
    assert loads == [secret_of(terms)] * 3


@pytest.mark.parametrize("terms", ONE_OF_EACH, ids=str)
async def test_an_account_without_any_key_is_told_so(open_floor: OpenFloor, terms: Terms) -> None:
    """In words that say what to do; nothing is sent in its name."""
    floor = open_floor({})
    await floor.trade_at(terms)

    answer, _ = await floor.send(OrderType.MARKET)

    (result,) = answer.event.results
    assert (result.status, result.error) == (
        "REJECTED",
        f"account '{terms.name}' has no credentials: PUT them, or set the exchange's API key",
    )
    assert floor.control.requests(key=TEST_KEY) == []


async def test_preparing_ends_with_all_that_it_started(open_floor: OpenFloor) -> None:
    """Without a key nothing is prepared, and nothing goes on in the background, as a frozen process would (R28)."""
    floor = open_floor({})
    await floor.trade_at(BYBIT_SPOT)
    answer = await floor.limit()
    order = await floor.only(answer)
    account = await floor.store.get(Account, BYBIT_SPOT.name)
    session = await floor.services.exchanges.session(account, order.venue)

    with pytest.raises(OrderNotAcceptedError, match="has no credentials"):
        await session.prepare(order)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_key_that_was_deleted_at_secrets_manager_ends_the_order_with_a_clear_error(
    floor: Floor, secrets: Any
) -> None:
    """By name of the account, without what the secret would have been."""
    terms = MARKETS[0]
    await trade_with(floor, terms, OF_THE_SIMULATOR)
    secrets.delete_secret(SecretId=secret_of(terms), ForceDeleteWithoutRecovery=True)

    answer, _ = await floor.send(OrderType.MARKET)

    (result,) = answer.event.results
    assert (result.status, result.error) == (
        "REJECTED",
        f"the credentials of account '{terms.name}' cannot be read: GetParameterError",
    )
