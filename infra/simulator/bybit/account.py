"""Bybit's unified account: wallet, positions, key information (account/wallet-balance.mdx, position/*.mdx)."""

from decimal import Decimal
from typing import Any

from infra.simulator.bybit.errors import BybitError
from infra.simulator.bybit.market import category_of
from infra.simulator.ledger import margin_in_use
from infra.simulator.model import ZERO, Balance, text
from infra.simulator.world import Call

_INDEX = {"BOTH": 0, "LONG": 1, "SHORT": 2}


def wallet_balance(call: Call) -> dict[str, Any]:
    if call.params.get("accountType") != "UNIFIED":
        raise BybitError(10001, "accountType only support UNIFIED.")
    wanted = [coin for coin in str(call.params.get("coin") or "").split(",") if coin]
    coins = [
        _coin(call, coin, balance)
        for coin, balance in call.account.wallets.get("unified", {}).items()
        if not wanted or coin in wanted
    ]
    total = text(sum((_value(call, coin, held) for coin, held in call.account.wallets["unified"].items()), ZERO))
    zero = dict.fromkeys(("accountIMRate", "accountMMRate", "totalInitialMargin", "totalMaintenanceMargin"), "0")
    totals = dict.fromkeys(("totalEquity", "totalMarginBalance", "totalAvailableBalance", "totalWalletBalance"), total)
    row = {"accountType": "UNIFIED", "accountLTV": "0", "totalPerpUPL": "0", **zero, **totals, "coin": coins}
    return {"list": [row]}


def _value(call: Call, coin: str, balance: Balance) -> Any:
    book = call.world.book("bybit-spot", f"{coin}USDT")
    return (balance.free + balance.locked) * (book.price if book else 1)


def _coin(call: Call, coin: str, balance: Balance) -> dict[str, Any]:
    """`availableToWithdraw` says nothing since UTA 2.0; `locked` is what spot orders hold."""
    held = text(balance.free + balance.locked)
    zero = ("borrowAmount", "accruedInterest", "totalPositionMM", "bonus")
    in_positions, in_all = _margin(call, coin)
    return {
        "coin": coin,
        "equity": held,
        "usdValue": text(_value(call, coin, balance)),
        "walletBalance": held,
        "locked": text(balance.locked),
        "free": text(balance.free),
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "unrealisedPnl": "0",
        "cumRealisedPnl": "0",
        "spotHedgingQty": "0",
        "marginCollateral": True,
        "collateralSwitch": True,
        "totalOrderIM": text(in_all - in_positions),
        "totalPositionIM": text(in_positions),
        **dict.fromkeys(zero, "0"),
    }


def _margin(call: Call, coin: str) -> tuple[Decimal, Decimal]:
    """What linear positions take of the coin, and positions and orders together."""
    if coin != "USDT":
        return ZERO, ZERO
    live = [order for order in call.account.live.values() if order.market.venue == "bybit-linear"]
    return (
        margin_in_use(call.account, "bybit-linear", []),
        margin_in_use(call.account, "bybit-linear", live),
    )


def positions(call: Call) -> dict[str, Any]:
    category = category_of(call)
    rows = []
    for (venue, symbol, side), position in call.account.positions.items():
        if venue != "bybit-linear" or call.params.get("symbol") not in (None, "", symbol):
            continue
        price = call.world.engine.books[venue, symbol].price
        profit = position.amount * (price - position.entry_price)
        rows.append(
            {
                "positionIdx": _INDEX[side],
                "symbol": symbol,
                "side": "" if not position.amount else "Buy" if position.amount > 0 else "Sell",
                "size": text(abs(position.amount)),
                "avgPrice": text(position.entry_price),
                "positionValue": text(abs(position.amount) * position.entry_price),
                "positionStatus": "Normal",
                "leverage": str(call.account.leverage),
                "markPrice": text(price),
                "unrealisedPnl": text(profit),
                "tradeMode": 0,
                "autoAddMargin": 0,
                "riskId": 1,
                "liqPrice": "",
                "takeProfit": "",
                "stopLoss": "",
                "createdTime": "0",
                "updatedTime": str(call.now_ms),
            }
        )
    return {"category": category, "list": rows, "nextPageCursor": ""}


def info(call: Call) -> dict[str, Any]:
    return {
        "marginMode": "REGULAR_MARGIN",
        "updatedTime": str(call.now_ms),
        "unifiedMarginStatus": 6,
        "dcpStatus": "OFF",
        "timeWindow": 10,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def query_api(call: Call) -> dict[str, Any]:
    return {
        "id": "13770661",
        "note": "simulator",
        "apiKey": call.key,
        "readOnly": 0,
        "secret": "",
        "permissions": {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": []},
        "ips": ["*"],
        "type": 1,
        "deadlineDay": 83,
        "expiredAt": "2033-05-15T03:21:05Z",
        "createdAt": "2022-10-16T02:24:40Z",
        "unified": 0,
        "uta": 1,
        "userID": 24600000,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
    }


def coins(call: Call) -> dict[str, Any]:
    rows = [
        {"name": coin, "coin": coin, "remainAmount": "0", "chains": []}
        for coin in call.account.wallets.get("unified", {})
    ]
    return {"rows": rows}
