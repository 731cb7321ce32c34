"""Bybit's rules, prices, balances and time (bybit-exchange/docs 072c197, v5/market, v5/account/wallet-balance)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chalicelib.domain.markets import MarketRules
from chalicelib.exchanges.bybit import codes
from chalicelib.exchanges.bybit.parsing import Category, native_symbol, number, positive
from chalicelib.exchanges.dialect import Answer

_LOCKED: Mapping[Category, tuple[str, ...]] = {
    Category.SPOT: ("locked",),
    Category.LINEAR: ("locked", "totalOrderIM", "totalPositionIM"),
}
"""What is not free of `walletBalance`. `availableToWithdraw` is not reliable on unified accounts."""


def read_rules(answer: Answer, category: Category, symbol: str) -> MarketRules:
    """Filters of one instrument. Deprecated ones (spot's minOrderQty, maxOrderQty, maxOrderAmt) are left alone."""
    row = next((r for r in _mappings(answer) if r.get("symbol") == native_symbol(symbol)), None)
    if row is None:
        raise ValueError(f"{symbol} is not listed at Bybit {category}: {codes.message(answer)}")
    lot = _part(row, "lotSizeFilter")
    spot = category is Category.SPOT
    return MarketRules(
        symbol=symbol,
        tick_size=positive(_part(row, "priceFilter").get("tickSize")),
        quantity_step=positive(lot.get("basePrecision" if spot else "qtyStep")),
        min_quantity=None if spot else positive(lot.get("minOrderQty")),
        max_quantity=positive(lot.get("maxLimitOrderQty" if spot else "maxOrderQty")),
        market_max_quantity=positive(lot.get("maxMarketOrderQty" if spot else "maxMktOrderQty")),
        quote_step=positive(lot.get("quotePrecision")) if spot else None,
        min_notional=positive(lot.get("minOrderAmt" if spot else "minNotionalValue")),
        trading=row.get("status") == "Trading",
    )


def read_last_price(answer: Answer) -> Decimal:
    """Of the one ticker that was asked for."""
    price = next((positive(row.get("lastPrice")) for row in _mappings(answer)), None)
    if price is None:
        raise ValueError(f"no price: {codes.message(answer)}")
    return price


def read_balance(answer: Answer, category: Category, asset: str) -> Decimal:
    """What is free of a coin in the unified account; coins that it does not hold are not listed."""
    row = next((row for row in _coins(answer) if row.get("coin") == asset), None)
    return Decimal(0) if row is None else _free(row, category)


def read_balances(answer: Answer, category: Category) -> dict[str, Decimal]:
    """What is free of every coin of which anything is."""
    return {str(row.get("coin")): free for row in _coins(answer) if (free := _free(row, category))}


def read_server_time(answer: Answer) -> int:
    """Milliseconds, of nanoseconds."""
    nanoseconds = number(codes.result(answer).get("timeNano"))
    if nanoseconds is None or nanoseconds <= 0:
        raise ValueError(f"no time: {codes.message(answer)}")
    return int(nanoseconds) // 1_000_000


def _mappings(answer: Answer) -> list[Mapping[str, Any]]:
    return [row for row in codes.rows(answer) or [] if isinstance(row, Mapping)]


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = row.get(name)
    return part if isinstance(part, Mapping) else {}


def _coins(answer: Answer) -> list[Mapping[str, Any]]:
    account = next(iter(_mappings(answer)), None)
    coins = account.get("coin") if account is not None else None
    if not isinstance(coins, list):
        raise ValueError(f"no balances: {codes.message(answer)}")
    return [row for row in coins if isinstance(row, Mapping)]


def _free(row: Mapping[str, Any], category: Category) -> Decimal:
    held = number(row.get("walletBalance"))
    if held is None:
        raise ValueError(f"no balance of {row.get('coin')}: walletBalance is missing")
    locked = sum((number(row.get(name)) or Decimal(0) for name in _LOCKED[category]), Decimal(0))
    return max(held - locked, Decimal(0))
