"""Upbit's markets, tickers and order books, and its tick sizes.

docs.upbit.com: krw-market-info (2026-05-04), usdt-market-info, btc-market-info.
"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from infra.simulator.model import Book, text
from infra.simulator.upbit.errors import UpbitError, no_market
from infra.simulator.world import Call

KST = timezone(timedelta(hours=9))
_NAMES = {"BTC": ("비트코인", "Bitcoin"), "ETH": ("이더리움", "Ethereum")}
_WON_TICKS = (
    (1_000_000, 1_000),
    (500_000, 500),
    (100_000, 100),
    (50_000, 50),
    (10_000, 10),
    (5_000, 5),
    (100, 1),
)
_SMALLEST = Decimal("0.00000001")


def tick_at(quote: str, price: Decimal) -> Decimal:
    """Of this price's band. Small prices have steps of their own size: a hundredth in won, a thousandth in USDT."""
    if quote == "KRW":
        coarse = next((tick for least, tick in _WON_TICKS if price >= least), None)
        return max(_SMALLEST, _power_of_ten(price) / 100) if coarse is None else Decimal(coarse)
    if quote == "USDT":
        return max(_SMALLEST, min(Decimal("0.01"), _power_of_ten(price) / 1_000))
    return _SMALLEST


def _power_of_ten(price: Decimal) -> Decimal:
    return Decimal(1).scaleb(price.adjusted())


def moment(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).astimezone(KST).isoformat()


def _asked(call: Call) -> list[Book]:
    names = call.params.get("markets")
    if not names:
        raise UpbitError(400, 400, "Missing request parameter error. Check the required parameters!")
    books = [call.world.book("upbit", name) for name in str(names).split(",")]
    found = [book for book in books if book is not None]
    if len(found) < len(books):
        raise no_market()
    return found


def market_all(call: Call) -> list[dict[str, Any]]:
    rows = []
    for book in call.world.books("upbit"):
        korean, english = _NAMES.get(book.market.base, (book.market.base, book.market.base))
        row: dict[str, Any] = {"market": book.market.symbol, "korean_name": korean, "english_name": english}
        if str(call.params.get("is_details") or call.params.get("isDetails")).lower() == "true":
            row["market_event"] = {"warning": False, "caution": {}}
        rows.append(row)
    return rows


def ticker(call: Call) -> list[dict[str, Any]]:
    now = datetime.fromtimestamp(call.now_ms / 1000, UTC)
    local = now.astimezone(KST)
    return [
        {
            "market": book.market.symbol,
            "trade_date": now.strftime("%Y%m%d"),
            "trade_time": now.strftime("%H%M%S"),
            "trade_date_kst": local.strftime("%Y%m%d"),
            "trade_time_kst": local.strftime("%H%M%S"),
            "trade_timestamp": call.now_ms,
            **dict.fromkeys(("opening_price", "high_price", "low_price", "trade_price"), float(book.price)),
            "prev_closing_price": float(book.price),
            "change": "EVEN",
            **dict.fromkeys(("change_price", "change_rate", "signed_change_price", "signed_change_rate"), 0.0),
            **dict.fromkeys(("trade_volume", "acc_trade_price", "acc_trade_price_24h"), 0.0),
            **dict.fromkeys(("acc_trade_volume", "acc_trade_volume_24h"), 0.0),
            "timestamp": call.now_ms,
        }
        for book in _asked(call)
    ]


def orderbook(call: Call) -> list[dict[str, Any]]:
    rows = []
    for book in _asked(call):
        size, price = float(book.liquidity if book.liquidity is not None else 100), float(book.price)
        unit = {"ask_price": price, "bid_price": price, "ask_size": size, "bid_size": size}
        rows.append(
            {
                "market": book.market.symbol,
                "timestamp": call.now_ms,
                "total_ask_size": size,
                "total_bid_size": size,
                "orderbook_units": [unit],
                "level": 0,
            }
        )
    return rows


def instruments(call: Call) -> list[dict[str, Any]]:
    return [
        {
            "market": book.market.symbol,
            "quote_currency": book.market.quote,
            "tick_size": text(tick_at(book.market.quote, book.price)),
            "supported_levels": ["0", "10000", "100000", "1000000"] if book.market.quote == "KRW" else ["0"],
        }
        for book in _asked(call)
    ]
