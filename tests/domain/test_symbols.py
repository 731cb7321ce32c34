"""Every spelling that TradingView and the exchanges use becomes one `BASE/QUOTE`."""

import pytest

from chalicelib.domain.symbols import is_unified, unify


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("BTC/USDT", "BTC/USDT"),
        ("BTCUSDT", "BTC/USDT"),
        ("btcusdt", "BTC/USDT"),
        (" BTCUSDT ", "BTC/USDT"),
        ("BINANCE:BTCUSDT", "BTC/USDT"),
        ("binance:btcusdt", "BTC/USDT"),
        ("BTCUSDT.P", "BTC/USDT"),
        ("BYBIT:BTCUSDT.P", "BTC/USDT"),
        ("KRW-BTC", "BTC/KRW"),
        ("UPBIT:BTCKRW", "BTC/KRW"),
        ("UPBIT:USDTKRW", "USDT/KRW"),
        ("ETHBTC", "ETH/BTC"),
        ("BTC-ETH", "ETH/BTC"),  # quote first, as Upbit writes it
        ("BTCFDUSD", "BTC/FDUSD"),
        ("USDCUSDT", "USDC/USDT"),
        ("BTCUSD", "BTC/USD"),
        ("1000SHIBUSDT", "1000SHIB/USDT"),
        ("BTCEUR", "BTC/EUR"),
    ],
)
def test_a_known_spelling_is_understood(text: str, symbol: str) -> None:
    """Without any list of what the strategy trades."""
    assert unify(text) == symbol


@pytest.mark.parametrize(
    "text", ["", " ", "USDT", "/", "BTC/", "/USDT", "BTC/USDT/X", "BTC USDT", "NASDAQ:AAPL", "-", "비트"]
)
def test_what_names_no_pair_is_none(text: str) -> None:
    """Rather than a guess that an exchange would refuse."""
    assert unify(text) is None


@pytest.mark.parametrize(
    ("text", "allowed", "symbol"),
    [
        ("BTC-USDT", ["BTC/USDT"], "BTC/USDT"),
        ("DOTUSD", ["DOT/USD"], "DOT/USD"),  # not DO/TUSD
        ("BINANCE:BTCUSDT", ["ETH/USDT", "BTC/USDT"], "BTC/USDT"),
        ("XYZABC", ["XYZ/ABC"], "XYZ/ABC"),
        ("BTCUSDT", ["ETH/USDT"], "BTC/USDT"),
    ],
)
def test_where_a_spelling_could_mean_two_pairs_the_allowed_one_wins(text: str, allowed: list[str], symbol: str) -> None:
    """A strategy's own symbols are the best hint; others are still named, so that the refusal can say which."""
    assert unify(text, allowed) == symbol


@pytest.mark.parametrize("text", ["btc/usdt", "BTCUSDT", "BTC/", "/USDT", "BTC/USDT ", "BTC//USDT", "B" * 21 + "/USDT"])
def test_only_base_slash_quote_in_capitals_is_unified(text: str) -> None:
    """As stored in strategies and orders."""
    assert not is_unified(text)
