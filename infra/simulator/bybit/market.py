"""Bybit's time, instruments and tickers, field by field as in market/instrument.mdx and market/tickers.mdx."""

from typing import Any

from infra.simulator.bybit.errors import BybitError
from infra.simulator.model import ZERO, Book, Market, text
from infra.simulator.world import Call

_KNOWN = ("spot", "linear", "inverse", "option")
_STATUS = {"trading": "Trading", "halted": "PreLaunch", "cancel_only": "Trading"}


def server_time(call: Call) -> dict[str, Any]:
    return {"timeSecond": str(call.now_ms // 1000), "timeNano": str(call.now_ms * 1_000_000)}


def category_of(call: Call) -> str:
    category = call.params.get("category")
    if category not in _KNOWN:
        raise BybitError(10001, "params error: Category is invalid")
    return str(category)


def _books(call: Call, category: str) -> list[Book]:
    """Inverse contracts and options are none here."""
    books = call.world.books(call.route.venue) if category in ("spot", "linear") else []
    symbol = call.params.get("symbol")
    if symbol and category in ("spot", "linear"):
        books = [book for book in books if book.market.symbol == symbol]
        if not books:
            raise BybitError(10001, "params error: symbol invalid")
    return books


def instruments_info(call: Call) -> dict[str, Any]:
    category = category_of(call)
    shape = _spot if category == "spot" else _linear
    rows = [shape(book) for book in _books(call, category)]
    wanted = call.params.get("status")
    rows = [row for row in rows if wanted in (None, row["status"])]
    return {"category": category, "list": rows} | ({} if category == "spot" else {"nextPageCursor": ""})


def _spot(book: Book) -> dict[str, Any]:
    market = book.market
    return {
        "symbolId": 9 if market.base == "BTC" else 10,
        "symbol": market.symbol,
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "innovation": "0",
        "status": _STATUS[book.status],
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": text(market.step),
            "quotePrecision": "0.0000001",
            "minOrderQty": text(market.min_quantity),
            "maxOrderQty": text(market.max_quantity),
            "minOrderAmt": text(market.min_notional),
            "maxOrderAmt": "8000000",
            "maxLimitOrderQty": text(market.max_quantity),
            "maxMarketOrderQty": text(market.max_quantity / 2),
            "postOnlyMaxLimitOrderSize": "60000",
        },
        "priceFilter": {"tickSize": text(market.tick)},
        "riskParameters": {"priceLimitRatioX": "0.005", "priceLimitRatioY": "0.01"},
        "symbolType": "",
    }


def _linear(book: Book) -> dict[str, Any]:
    market = book.market
    return {
        "symbol": market.symbol,
        "symbolId": 5 if market.base == "BTC" else 6,
        "contractType": "LinearPerpetual",
        "status": _STATUS[book.status],
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": _padded(market), "maxPrice": "1999999.80", "tickSize": _padded(market)},
        "lotSizeFilter": {
            "maxOrderQty": text(market.max_quantity),
            "minOrderQty": text(market.min_quantity),
            "qtyStep": text(market.step),
            "postOnlyMaxOrderQty": text(market.max_quantity),
            "maxMktOrderQty": text(market.max_quantity / 2),
            "minNotionalValue": text(market.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": market.quote,
        "copyTrading": "both",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
        "symbolType": "",
    }


def _padded(market: Market) -> str:
    return format(market.tick, ".2f")


def tickers(call: Call) -> dict[str, Any]:
    category = category_of(call)
    rows = []
    for book in _books(call, category):
        price, size = text(book.price), text(book.market.max_quantity if book.liquidity is None else book.liquidity)
        row = {"symbol": book.market.symbol, "lastPrice": price, "bid1Price": price, "bid1Size": size}
        row |= {"ask1Price": price, "ask1Size": size, "prevPrice24h": price, "price24hPcnt": text(ZERO)}
        row |= {"highPrice24h": price, "lowPrice24h": price, "turnover24h": "0", "volume24h": "0"}
        if category == "linear":
            row |= {"indexPrice": price, "markPrice": price, "fundingRate": "0.0001"}
        else:
            row |= {"usdIndexPrice": price}
        rows.append(row)
    return {"category": category, "list": rows}
