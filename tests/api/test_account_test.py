"""POST /api/v1/accounts/{id}/test: whether the exchange lets the account's key in."""

import asyncio
from decimal import Decimal

import pytest

from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.ports import OrderNotAcceptedError
from chalicelib.usecases.account_test import NotReached, Reached, try_account
from tests.api.desk import ApiDesk
from tests.desk import Desk


@pytest.fixture
def scripted(tables: str) -> Desk:
    """A desk whose exchange answers by script."""
    return Desk(scripted=True)


def test_a_mock_account_shows_the_mocks_fixed_balance(desk: ApiDesk) -> None:
    """As text, of every asset that there is any of."""
    answer = desk.post("accounts/m1/test")

    assert answer.status == 200
    assert (answer.body["account_id"], answer.body["exchange"], answer.body["ok"]) == ("m1", "mock", True)
    assert answer.body["balances"]["USDT"] == "100000"
    assert answer.body["latency_ms"] >= 0
    assert set(answer.body) == {"account_id", "exchange", "ok", "balances", "latency_ms"}


def test_an_account_that_does_not_exist_is_404(desk: ApiDesk) -> None:
    """By its name."""
    answer = desk.post("accounts/nobody/test")

    assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_the_answer_says_which_exchange_was_asked(desk: ApiDesk) -> None:
    """While everything trades on the mock, the mock answers for an account of another exchange too."""
    desk.put("accounts/b1", {"exchange": "binance"})

    assert desk.post("accounts/b1/test").body["exchange"] == "mock"


async def test_balances_come_with_the_time_that_they_took(scripted: Desk) -> None:
    """By the injected clock."""
    await scripted.account("m1")

    async def take_time() -> None:
        scripted.clock.turn(0.25)

    scripted.exchange.in_balances = take_time
    scripted.exchange.balance = {"USDT": Decimal("100.5")}

    result = await try_account(scripted.services, "m1", scripted.budget())

    assert result == Reached(exchange="scripted", balances={"USDT": Decimal("100.5")}, latency_ms=250)


async def test_a_refusal_is_told_in_the_adapters_words(scripted: Desk) -> None:
    """It is an answer, not an error."""
    await scripted.account("m1")
    scripted.exchange.balance = OrderNotAcceptedError("KEY_REFUSED", "the exchange refuses the key")

    result = await try_account(scripted.services, "m1", scripted.budget())

    assert result == NotReached(exchange="scripted", code="KEY_REFUSED", message="the exchange refuses the key")


async def test_an_exchange_that_does_not_answer_is_not_waited_for(scripted: Desk) -> None:
    """No longer than the budget."""
    await scripted.account("m1")

    async def never() -> None:
        await asyncio.Event().wait()

    scripted.exchange.in_balances = never

    result = await try_account(scripted.services, "m1", scripted.budget(0.01))

    assert isinstance(result, NotReached)
    assert result.code == "TIMEOUT"


async def test_nobody_is_asked_for_an_account_that_does_not_exist(scripted: Desk) -> None:
    """There is no key to ask with."""
    with pytest.raises(NotFoundError):
        await try_account(scripted.services, "nobody", scripted.budget())
