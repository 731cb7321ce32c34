"""A market's rules from exchangeInfo (binance-spot-api-docs filters.md; USD-M names MIN_NOTIONAL's bound otherwise)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from chalicelib.domain.markets import MarketRules
from chalicelib.exchanges.binance.parsing import native_symbol, positive

Filter = Mapping[str, Any]


def read_rules(body: Any, symbol: str) -> MarketRules:
    """A bound of 0 is none. Raises ValueError where the market is not listed."""
    market = _market(body, native_symbol(symbol))
    filters = _filters(market)
    price, lot, market_lot = (filters.get(name, {}) for name in ("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE"))
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    return MarketRules(
        symbol=symbol,
        tick_size=positive(price.get("tickSize")),
        quantity_step=positive(lot.get("stepSize")),
        min_quantity=positive(lot.get("minQty")),
        max_quantity=positive(lot.get("maxQty")),
        market_quantity_step=positive(market_lot.get("stepSize")),
        market_min_quantity=positive(market_lot.get("minQty")),
        market_max_quantity=positive(market_lot.get("maxQty")),
        quote_step=_quote_step(market),
        min_notional=positive(notional.get("minNotional")) or positive(notional.get("notional")),
        min_notional_applies_to_market=_counts_for_market(notional),
        max_notional=positive(notional.get("maxNotional")),
        trading=market.get("status") == "TRADING" and market.get("isSpotTradingAllowed") is not False,
    )


def _market(body: Any, native: str) -> Mapping[str, Any]:
    rows = body.get("symbols") if isinstance(body, Mapping) else None
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, Mapping) and row.get("symbol") == native:
            return row
    raise ValueError(f"Binance does not list {native} here")


def _filters(market: Mapping[str, Any]) -> dict[str, Filter]:
    rows = market.get("filters")
    found = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return {str(row.get("filterType")): row for row in found}


def _quote_step(market: Mapping[str, Any]) -> Decimal | None:
    digits = market.get("quoteAssetPrecision", market.get("quotePrecision"))
    return Decimal(1).scaleb(-digits) if isinstance(digits, int) and 0 <= digits <= 18 else None


def _counts_for_market(notional: Filter) -> bool:
    return notional.get("applyMinToMarket", notional.get("applyToMarket")) is not False
