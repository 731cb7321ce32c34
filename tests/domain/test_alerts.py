"""What an alert may ask for: its age, the strategy's switch, symbols and limits."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.alerts import OrderAlert, allowed_symbol, check_age, check_allowed, check_limits
from chalicelib.domain.errors import ForbiddenError, InvalidError
from chalicelib.domain.orders import OrderType
from chalicelib.domain.outcomes import Side
from chalicelib.domain.strategies import AccountShare, Strategy, token_hash
from tests.domain.rows import NOW, at

STRATEGY = Strategy(
    strategy_id="s1",
    name="s1",
    enabled=True,
    symbols=("BTC/USDT", "ETH/USDT"),
    accounts=(AccountShare("m1", Decimal(1)),),
    max_order_notional=None,
    token_hash=token_hash("token-1"),
    halted=False,
    created_at=NOW,
    updated_at=NOW,
)


def alert(**changes: Any) -> OrderAlert:
    plain = OrderAlert(
        order_type=OrderType.LIMIT,
        symbol="BTC/USDT",
        side=Side.BUY,
        quantity=Decimal(2),
        quote_amount=None,
        percent=None,
        price=Decimal(100),
        stop_price=None,
        time_in_force=None,
        post_only=False,
        reduce_only=False,
        tag=None,
        timestamp=None,
    )
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("age", "max_age", "stale"), [(60, 60, False), (60.1, 60, True), (-3600, 60, False), (10**6, 0, False)]
)
def test_an_alert_older_than_max_alert_age_is_stale(age: float, max_age: float, stale: bool) -> None:
    """Zero: any age will do; a time ahead of ours is no age."""
    old = alert(timestamp=at(-age))

    if stale:
        with pytest.raises(InvalidError) as refused:
            check_age(old, NOW, max_age)
        assert refused.value.code == "STALE_ALERT"
    else:
        check_age(old, NOW, max_age)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"halted": True}, "TRADING_DISABLED"), ({"enabled": False}, "STRATEGY_DISABLED")],
)
def test_a_halted_or_disabled_strategy_takes_no_orders(changes: dict[str, bool], code: str) -> None:
    """R24: the switch stands in the strategy's own row."""
    with pytest.raises(ForbiddenError) as refused:
        check_allowed(replace(STRATEGY, **changes))

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("changes", "weight", "code"),
    [
        ({}, "1", None),
        ({}, "1.01", "MAX_ORDER_NOTIONAL"),
        ({"quantity": None, "quote_amount": Decimal(200)}, "1", None),
        ({"quantity": None, "quote_amount": Decimal(201)}, "1", "MAX_ORDER_NOTIONAL"),
        ({"price": None, "stop_price": Decimal(101)}, "1", "MAX_ORDER_NOTIONAL"),
        ({"quantity": None, "percent": Decimal(50)}, "2", None),
        ({"quantity": None, "percent": Decimal(51)}, "2", "VALIDATION_ERROR"),
    ],
)
def test_each_account_s_order_keeps_the_limit(changes: dict[str, Any], weight: str, code: str | None) -> None:
    """The weight counts: amounts are multiplied by it."""
    shares = [AccountShare("m0", Decimal("0.1")), AccountShare("m1", Decimal(weight))]

    if code is None:
        check_limits(alert(**changes), shares, Decimal(200))
        return
    with pytest.raises(InvalidError) as refused:
        check_limits(alert(**changes), shares, Decimal(200))

    assert refused.value.code == code


def test_a_strategy_trades_its_own_symbols_only() -> None:
    """By any spelling of them; the refusal names them."""
    assert allowed_symbol("BINANCE:ETHUSDT", STRATEGY) == "ETH/USDT"
    with pytest.raises(InvalidError) as refused:
        allowed_symbol("SOLUSDT", STRATEGY)

    assert refused.value.code == "SYMBOL_NOT_ALLOWED"
    assert "BTC/USDT, ETH/USDT" in refused.value.message


@pytest.mark.parametrize(("token", "known"), [("token-1", True), ("token-2", False), ("", False), ("토큰", False)])
def test_only_the_strategy_s_own_token_is_known(token: str, known: bool) -> None:
    """Compared with the stored SHA-256, in constant time, whatever was sent."""
    assert STRATEGY.knows_token(token) is known
