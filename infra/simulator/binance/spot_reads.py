"""Binance spot's account, fills, rules and prices; ping and time serve USD-M too."""

import json
from itertools import islice
from typing import Any

from infra.simulator.binance import filters
from infra.simulator.binance.errors import BinanceError
from infra.simulator.binance.parsing import book_of, count
from infra.simulator.binance.spot_orders import VENUE
from infra.simulator.model import ZERO, Book, fixed, text
from infra.simulator.queries import trades_of
from infra.simulator.world import Call


def ping(_call: Call) -> dict[str, Any]:
    return {}


def server_time(call: Call) -> dict[str, Any]:
    return {"serverTime": call.now_ms}


def asked_books(call: Call) -> list[Book]:
    """One of `symbol`, some of `symbols`, or all."""
    if "symbol" in call.params:
        return [book_of(call)]
    books = call.world.books(call.route.venue)
    if "symbols" not in call.params:
        return books
    wanted = json.loads(call.params["symbols"])
    if any(call.world.book(call.route.venue, symbol) is None for symbol in wanted):
        raise BinanceError(-1121, "Invalid symbol.")
    return [book for book in books if book.market.symbol in wanted]


def ticker_price(call: Call) -> Any:
    prices = [{"symbol": book.market.symbol, "price": fixed(book.price)} for book in asked_books(call)]
    return prices[0] if "symbol" in call.params else prices


def book_ticker(call: Call) -> Any:
    tickers = []
    for book in asked_books(call):
        size = fixed(book.liquidity if book.liquidity is not None else book.market.max_quantity)
        price = fixed(book.price)
        tickers.append(
            {"symbol": book.market.symbol, "bidPrice": price, "bidQty": size, "askPrice": price, "askQty": size}
        )
    return tickers[0] if "symbol" in call.params else tickers


def rate_limits(call: Call) -> list[dict[str, Any]]:
    limits = call.world.binance_limits
    units = {"10S": ("SECOND", 10), "1M": ("MINUTE", 1), "1D": ("DAY", 1)}
    weight = limits.weight[call.route.venue].limit
    rows = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight}]
    for name, window in limits.orders[call.route.venue].items():
        interval, number = units[name]
        rows.append({"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": window.limit})
    return rows


def exchange_info(call: Call) -> dict[str, Any]:
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "rateLimits": [
            *rate_limits(call),
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300000},
        ],
        "exchangeFilters": [],
        "symbols": [_symbol(book) for book in asked_books(call)],
    }


_STATUS = {"trading": "TRADING", "halted": "BREAK", "cancel_only": "CANCEL_ONLY"}


def _symbol(book: Book) -> dict[str, Any]:
    market = book.market
    yes = ("icebergAllowed", "ocoAllowed", "otoAllowed", "opoAllowed", "quoteOrderQtyMarketAllowed")
    more = ("allowTrailingStop", "cancelReplaceAllowed", "amendAllowed", "isSpotTradingAllowed")
    return {
        "symbol": market.symbol,
        "status": _STATUS[book.status],
        "baseAsset": market.base,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT",
            "LIMIT_MAKER",
            "MARKET",
            "STOP_LOSS",
            "STOP_LOSS_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ],
        **dict.fromkeys(yes + more, True),
        "pegInstructionsAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": _filters(book),
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _filters(book: Book) -> list[dict[str, Any]]:
    market = book.market
    up, down = text(filters.PERCENT_UP), text(filters.PERCENT_DOWN)
    sizes = {"minQty": fixed(market.min_quantity), "maxQty": fixed(market.max_quantity), "stepSize": fixed(market.step)}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed(market.tick),
            "maxPrice": fixed(filters.MAX_PRICE),
            "tickSize": fixed(market.tick),
        },
        {"filterType": "LOT_SIZE", **sizes},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": fixed(ZERO),
            "maxQty": fixed(filters.MARKET_MAX),
            "stepSize": fixed(ZERO),
        },
        {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": fixed(market.min_notional),
            "applyMinToMarket": True,
            "maxNotional": fixed(filters.MAX_NOTIONAL),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": filters.MAX_NUM_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": filters.MAX_NUM_ALGO_ORDERS},
    ]


def account(call: Call) -> dict[str, Any]:
    rate = fixed(call.world.books(VENUE)[0].market.taker_fee)
    wallet = call.account.wallets.get("spot", {})
    omit_zero = call.params.get("omitZeroBalances") == "true"
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": fixed(ZERO), "seller": fixed(ZERO)},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.now_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": fixed(balance.free), "locked": fixed(balance.locked)}
            for asset, balance in wallet.items()
            if not omit_zero or balance.free or balance.locked
        ],
        "permissions": ["SPOT"],
        "uid": 354937868,
    }


def my_trades(call: Call) -> list[dict[str, Any]]:
    market, of_order = book_of(call).market, count(call, "orderId", 0)
    found = trades_of(call.world, call.account, VENUE, market.symbol)
    newest = list(islice((pair for pair in found if of_order in (0, pair[0].id)), count(call, "limit", 500)))
    return [
        {
            "symbol": market.symbol,
            "id": fill.id,
            "orderId": order.id,
            "orderListId": -1,
            "price": fixed(fill.price),
            "qty": fixed(fill.quantity),
            "quoteQty": fixed(fill.price * fill.quantity),
            "commission": fixed(fill.fee),
            "commissionAsset": fill.fee_asset,
            "time": fill.time_ms,
            "isBuyer": order.intent.side == "BUY",
            "isMaker": fill.maker,
            "isBestMatch": True,
        }
        for order, fill in reversed(newest)
    ]


def coins(call: Call) -> list[dict[str, Any]]:
    """What a general client asks before it trades; nothing can be withdrawn here."""
    return [
        {"coin": asset, "name": asset, "depositAllEnable": False, "withdrawAllEnable": False, "networkList": []}
        for asset in call.account.wallets.get("spot", {})
    ]


def no_pairs(_call: Call) -> list[Any]:
    """There is no margin trading here."""
    return []


def no_symbols(call: Call) -> dict[str, Any]:
    """Nor are there COIN-M futures."""
    return {"timezone": "UTC", "serverTime": call.now_ms, "rateLimits": [], "exchangeFilters": [], "symbols": []}
