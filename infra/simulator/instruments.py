"""The markets, accounts and balances that a simulator starts with.

Rules are those of the exchanges' own examples (Bybit docs v5 market/instrument) or of their live markets of 2026.
"""

from decimal import Decimal

from infra.simulator.model import Exchange, Market, Venue

TEST_KEY = "testkey0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
TEST_SECRET = "testsecret0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"

START_BALANCES: dict[Exchange, dict[str, dict[str, Decimal]]] = {
    "binance": {
        "spot": {"USDT": Decimal(100_000), "BTC": Decimal(10), "ETH": Decimal(100)},
        "futures": {"USDT": Decimal(100_000)},
    },
    "bybit": {"unified": {"USDT": Decimal(100_000), "BTC": Decimal(10), "ETH": Decimal(100)}},
    "upbit": {"spot": {"KRW": Decimal(100_000_000), "USDT": Decimal(100_000), "BTC": Decimal(10), "ETH": Decimal(100)}},
}

_BTC, _ETH = Decimal(60_000), Decimal(3_000)
_WON = Decimal(1_400)


def _dollar(
    venue: Venue,
    base: str,
    price: Decimal,
    rules: tuple[str, str, str, str, str],
    fees: tuple[str, str] = ("0.001", "0.001"),
) -> Market:
    tick, step, smallest, largest, notional = map(Decimal, rules)
    derivative = venue in ("binance-usdm", "bybit-linear")
    taker, maker = map(Decimal, fees)
    return Market(
        venue, f"{base}USDT", base, "USDT", tick, step, smallest, largest, notional, price, taker, maker, derivative
    )


def _upbit(quote: str, base: str, price: Decimal, rules: tuple[str, str, str]) -> Market:
    """Fees are taken in the quote. `rules`: the tick at the start price, the least total, the fee."""
    smallest = Decimal("0.00000001")
    tick, least_total, fee = map(Decimal, rules)
    return Market(
        venue="upbit",
        symbol=f"{quote}-{base}",
        base=base,
        quote=quote,
        tick=tick,
        step=smallest,
        min_quantity=smallest,
        max_quantity=Decimal(10**9),
        min_notional=least_total,
        start_price=price,
        taker_fee=fee,
        maker_fee=fee,
        fee_in_quote=True,
    )


# docs.upbit.com, krw-market-info and usdt-market-info. They name no fee: 0.25 % in the USDT market is assumed.
_KRW, _USDT = ("1000", "5000", "0.0005"), ("0.01", "0.5", "0.0025")


MARKETS: tuple[Market, ...] = (
    _dollar("binance-spot", "BTC", _BTC, ("0.01", "0.00001", "0.00001", "9000", "5")),
    _dollar("binance-spot", "ETH", _ETH, ("0.01", "0.0001", "0.0001", "9000", "5")),
    _dollar("binance-usdm", "BTC", _BTC, ("0.1", "0.001", "0.001", "1000", "100"), ("0.0005", "0.0002")),
    _dollar("binance-usdm", "ETH", _ETH, ("0.01", "0.001", "0.001", "10000", "20"), ("0.0005", "0.0002")),
    _dollar("bybit-spot", "BTC", _BTC, ("0.01", "0.000001", "0.000011", "83", "5")),
    _dollar("bybit-spot", "ETH", _ETH, ("0.01", "0.00001", "0.0003", "1000", "5")),
    _dollar("bybit-linear", "BTC", _BTC, ("0.10", "0.001", "0.001", "1190", "5"), ("0.00055", "0.0002")),
    _dollar("bybit-linear", "ETH", _ETH, ("0.01", "0.01", "0.01", "7240", "5"), ("0.00055", "0.0002")),
    _upbit("KRW", "BTC", _BTC * _WON, _KRW),
    _upbit("KRW", "ETH", _ETH * _WON, _KRW),
    _upbit("USDT", "BTC", _BTC, _USDT),
    _upbit("USDT", "ETH", _ETH, _USDT),
)
