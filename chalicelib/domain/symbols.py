"""Symbols: every spelling that TradingView and the exchanges use, to one unified `BASE/QUOTE`."""

import re
from collections.abc import Collection

_UNIFIED = re.compile(r"^[A-Z0-9]{1,20}/[A-Z0-9]{1,10}$")
_QUOTES = (
    "FDUSD",
    "USDT",
    "USDC",
    "TUSD",
    "BUSD",
    "KRW",
    "USD",
    "EUR",
    "TRY",
    "BRL",
    "JPY",
    "DAI",
    "BTC",
    "ETH",
    "BNB",
)


def is_unified(symbol: str) -> bool:
    """Whether it reads `BASE/QUOTE` in capitals."""
    return bool(_UNIFIED.fullmatch(symbol))


def unify(text: str, allowed: Collection[str] = ()) -> str | None:
    """The unified symbol, or None if the text names none.

    `BTC/USDT`, `BTCUSDT`, `BINANCE:BTCUSDT`, `BTCUSDT.P`, `KRW-BTC` (quote first, as Upbit writes it) and
    `UPBIT:BTCKRW` are understood. Where a spelling could mean two pairs, one of `allowed` wins.
    """
    bare = text.strip().upper().rpartition(":")[2].removesuffix(".P")
    return next((symbol for symbol in allowed if bare in _spellings(symbol)), None) or _guess(bare)


def _spellings(symbol: str) -> tuple[str, ...]:
    base, _, quote = symbol.partition("/")
    return symbol, base + quote, f"{quote}-{base}", f"{base}-{quote}"


def _guess(bare: str) -> str | None:
    if "-" in bare:
        quote, _, base = bare.partition("-")
        bare = f"{base}/{quote}"
    elif "/" not in bare:
        quote = next((q for q in _QUOTES if bare.endswith(q) and bare != q), "")
        bare = f"{bare.removesuffix(quote)}/{quote}"
    return bare if _UNIFIED.fullmatch(bare) else None
