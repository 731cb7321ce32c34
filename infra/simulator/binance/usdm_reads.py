"""USD-M's balances, positions, fills, rules and prices."""

from itertools import islice
from typing import Any

from infra.simulator.binance import filters
from infra.simulator.binance.errors import BinanceError
from infra.simulator.binance.parsing import book_of, count, flag
from infra.simulator.binance.spot_reads import asked_books, rate_limits
from infra.simulator.binance.usdm_orders import VENUE
from infra.simulator.ledger import margin_in_use
from infra.simulator.model import ZERO, Account, Book, Position, PositionSide, fixed, text
from infra.simulator.queries import trades_of
from infra.simulator.world import Call

_STATUS = {"trading": "TRADING", "halted": "BREAK", "cancel_only": "BREAK"}


def ticker_price(call: Call) -> Any:
    prices = [
        {"symbol": book.market.symbol, "price": text(book.price), "time": call.now_ms} for book in asked_books(call)
    ]
    return prices[0] if "symbol" in call.params else prices


def premium_index(call: Call) -> Any:
    rows = [
        {
            "symbol": book.market.symbol,
            "markPrice": fixed(book.price),
            "indexPrice": fixed(book.price),
            "estimatedSettlePrice": fixed(book.price),
            "lastFundingRate": "0.00010000",
            "interestRate": "0.00010000",
            "nextFundingTime": call.now_ms // 28_800_000 * 28_800_000 + 28_800_000,
            "time": call.now_ms,
        }
        for book in asked_books(call)
    ]
    return rows[0] if "symbol" in call.params else rows


def exchange_info(call: Call) -> dict[str, Any]:
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": rate_limits(call),
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_symbol(book) for book in asked_books(call)],
    }


def _symbol(book: Book) -> dict[str, Any]:
    market = book.market
    return {
        "symbol": market.symbol,
        "pair": market.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": _STATUS[book.status],
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": market.base,
        "quoteAsset": market.quote,
        "marginAsset": market.quote,
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(book),
        "orderTypes": [
            "LIMIT",
            "MARKET",
            "STOP",
            "STOP_MARKET",
            "TAKE_PROFIT",
            "TAKE_PROFIT_MARKET",
            "TRAILING_STOP_MARKET",
        ],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _filters(book: Book) -> list[dict[str, Any]]:
    market = book.market
    sizes = {"stepSize": text(market.step), "minQty": text(market.min_quantity)}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": text(market.tick),
            "maxPrice": text(filters.MAX_PRICE),
            "tickSize": format(market.tick, "f"),
        },
        {"filterType": "LOT_SIZE", "maxQty": text(market.max_quantity), **sizes},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": text(filters.USDM_MARKET_MAX), **sizes},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": text(market.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": format(filters.USDM_PERCENT_UP, ".4f"),
            "multiplierDown": format(filters.USDM_PERCENT_DOWN, ".4f"),
            "multiplierDecimal": "4",
        },
    ]


def _profit(call: Call, account: Account) -> Any:
    return sum((_unrealized(call, symbol, position) for symbol, _, position in _positions(account)), ZERO)


def _positions(account: Account) -> list[tuple[str, PositionSide, Position]]:
    return [(symbol, side, held) for (venue, symbol, side), held in account.positions.items() if venue == VENUE]


def _unrealized(call: Call, symbol: str, position: Position) -> Any:
    book = call.world.book(VENUE, symbol)
    return position.amount * (book.price - position.entry_price) if book else ZERO


def balance(call: Call) -> list[dict[str, Any]]:
    rows = []
    for asset, held in call.account.wallets.get("futures", {}).items():
        available = fixed(call.world.engine.margin_available(call.account, VENUE, asset))
        rows.append(
            {
                "accountAlias": "SgsR",
                "asset": asset,
                "balance": fixed(held.free),
                "crossWalletBalance": fixed(held.free),
                "crossUnPnl": fixed(_profit(call, call.account)),
                "availableBalance": available,
                "maxWithdrawAmount": available,
                "marginAvailable": True,
                "updateTime": call.now_ms,
            }
        )
    return rows


def account(call: Call) -> dict[str, Any]:
    customer = call.account
    wallet, profit = customer.balance("futures", "USDT").free, _profit(call, customer)
    in_positions = margin_in_use(customer, VENUE, [])
    available = call.world.engine.margin_available(customer, VENUE)
    in_orders = wallet - available - in_positions
    amounts = {
        "InitialMargin": wallet - available,
        "MaintMargin": in_positions / 2,
        "WalletBalance": wallet,
        "UnrealizedProfit": profit,
        "MarginBalance": wallet + profit,
        "PositionInitialMargin": in_positions,
        "OpenOrderInitialMargin": in_orders,
        "CrossWalletBalance": wallet,
        "CrossUnPnl": profit,
    }
    usable = {"availableBalance": fixed(available), "maxWithdrawAmount": fixed(available)}
    asset = {name[0].lower() + name[1:]: fixed(amount) for name, amount in amounts.items()}
    return {
        **{f"total{name}": fixed(amount) for name, amount in amounts.items()},
        **usable,
        "assets": [{"asset": "USDT", **asset, **usable, "updateTime": call.now_ms}],
        "positions": [
            _account_position(call, symbol, side, held) for symbol, side, held in _positions(customer) if held.amount
        ],
    }


def _account_position(call: Call, symbol: str, side: PositionSide, position: Position) -> dict[str, Any]:
    notional = abs(position.amount) * position.entry_price
    margin = fixed(notional / call.account.leverage)
    return {
        "symbol": symbol,
        "positionSide": side,
        "positionAmt": fixed(position.amount, 3),
        "unrealizedProfit": fixed(_unrealized(call, symbol, position)),
        "isolatedMargin": fixed(ZERO),
        "notional": fixed(notional),
        "isolatedWallet": "0",
        "initialMargin": margin,
        "maintMargin": fixed(notional / call.account.leverage / 2),
        "updateTime": call.now_ms,
    }


def position_risk(call: Call) -> list[dict[str, Any]]:
    symbol = book_of(call).market.symbol if "symbol" in call.params else None
    return [
        {
            "symbol": held_symbol,
            "positionSide": side,
            "positionAmt": fixed(position.amount, 3),
            "entryPrice": fixed(position.entry_price, 5),
            "breakEvenPrice": fixed(position.entry_price, 5),
            "markPrice": fixed(call.world.engine.books[VENUE, held_symbol].price),
            "unRealizedProfit": fixed(_unrealized(call, held_symbol, position)),
            "liquidationPrice": "0",
            "isolatedMargin": "0",
            "notional": fixed(position.amount * position.entry_price),
            "marginAsset": "USDT",
            "isolatedWallet": "0",
            "initialMargin": fixed(abs(position.amount) * position.entry_price / call.account.leverage),
            "maintMargin": "0",
            "positionInitialMargin": "0",
            "openOrderInitialMargin": "0",
            "adl": 1,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": call.now_ms,
        }
        for held_symbol, side, position in _positions(call.account)
        if position.amount and symbol in (None, held_symbol)
    ]


def user_trades(call: Call) -> list[dict[str, Any]]:
    market, of_order = book_of(call).market, count(call, "orderId", 0)
    found = trades_of(call.world, call.account, VENUE, market.symbol)
    newest = list(islice((pair for pair in found if of_order in (0, pair[0].id)), count(call, "limit", 500)))
    return [
        {
            "buyer": order.intent.side == "BUY",
            "commission": fixed(fill.fee),
            "commissionAsset": fill.fee_asset,
            "id": fill.id,
            "maker": fill.maker,
            "orderId": order.id,
            "price": text(fill.price),
            "qty": text(fill.quantity),
            "quoteQty": text(fill.price * fill.quantity),
            "realizedPnl": fixed(fill.realized),
            "marginAsset": "USDT",
            "side": order.intent.side,
            "positionSide": order.intent.position_side,
            "symbol": market.symbol,
            "time": fill.time_ms,
        }
        for order, fill in reversed(newest)
    ]


def position_mode(call: Call) -> dict[str, Any]:
    return {"dualSidePosition": call.account.hedge_mode}


def set_position_mode(call: Call) -> dict[str, Any]:
    wanted = flag(call, "dualSidePosition")
    if wanted == call.account.hedge_mode:
        raise BinanceError(-4059, "No need to change position side.")
    call.account.hedge_mode = wanted
    return {"code": 200, "msg": "success"}


def leverage_bracket(call: Call) -> list[dict[str, Any]]:
    bracket = {
        "bracket": 1,
        "initialLeverage": 125,
        "notionalCap": 50000,
        "notionalFloor": 0,
        "maintMarginRatio": 0.004,
        "cum": 0.0,
    }
    return [{"symbol": book.market.symbol, "brackets": [bracket]} for book in asked_books(call)]


def set_leverage(call: Call) -> dict[str, Any]:
    symbol = book_of(call).market.symbol
    call.account.leverage = count(call, "leverage", 20)
    return {"leverage": call.account.leverage, "maxNotionalValue": "1000000", "symbol": symbol}
