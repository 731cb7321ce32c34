"""Balances that the exchange does not show, at every market: said in words for the person who entered the key."""

import pytest

from chalicelib.domain.ports import OrderNotAcceptedError
from infra.simulator.instruments import TEST_KEY
from tests.exchanges.markets.cases import which
from tests.exchanges.markets.floor import Floor
from tests.exchanges.markets.terms import REAL
from tests.exchanges.moves import Trader

FROM_ELSEWHERE = {"binance": "any", "bybit": "ip", "upbit": "no_authorization_ip"}
WITHOUT_RIGHT = {"binance": "any", "bybit": "permission", "upbit": "out_of_scope"}


async def refused(trader: Trader) -> OrderNotAcceptedError:
    with pytest.raises(OrderNotAcceptedError) as caught:
        await trader.exchange.balances()
    return caught.value


@which(REAL)
async def test_a_key_that_is_refused_is_said_to_be(trader: Trader, floor: Floor) -> None:
    """By one code, for whatever reason."""
    floor.control.deny_key(trader.terms.exchange, TEST_KEY, WITHOUT_RIGHT[trader.terms.exchange])

    error = await refused(trader)

    assert error.code == "KEY_REFUSED"
    assert "refuses the key" in error.message
    assert TEST_KEY not in error.message


@which(terms for terms in REAL if terms.exchange != "binance")
async def test_a_key_for_other_addresses_is_told_from_a_wrong_one(trader: Trader, floor: Floor) -> None:
    """Where the exchange tells: Binance has one answer for all."""
    floor.control.deny_key(trader.terms.exchange, TEST_KEY, FROM_ELSEWHERE[trader.terms.exchange])

    error = await refused(trader)

    assert (error.code, "address" in error.message) == ("ADDRESS_NOT_ALLOWED", True)


@which(REAL)
@pytest.mark.parametrize(
    ("kind", "fields"),
    [("reset", {}), ("garbage", {}), ("error", {"variant": "maintenance"})],
    ids=lambda part: str(part),
)
async def test_an_exchange_that_cannot_be_asked_is_said_to_be_away(
    trader: Trader, floor: Floor, kind: str, fields: dict[str, str]
) -> None:
    """Nothing is wrong with the key."""
    floor.control.fault(kind, exchange=trader.terms.exchange, operation="balance", times=None, **fields)

    error = await refused(trader)

    assert error.code == "EXCHANGE_UNAVAILABLE"
    assert error.passing
