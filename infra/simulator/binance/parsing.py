"""Reading Binance's parameters, with the complaint that each mistake gets."""

import re
from decimal import Decimal

from infra.simulator.binance.errors import BinanceError, missing
from infra.simulator.model import ZERO, Book, Side
from infra.simulator.world import Call

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_SPOT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
_USDM_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def required(call: Call, name: str) -> str:
    value = call.params.get(name, "")
    if not value:
        raise missing(name)
    return str(value)


def number(call: Call, name: str) -> Decimal | None:
    """None when it was not sent."""
    value = call.params.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        legal = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
    return Decimal(value)


def positive(call: Call, name: str) -> Decimal:
    value = number(call, name)
    if value is None or value == ZERO:
        raise missing(name)
    return value


def book_of(call: Call) -> Book:
    book = call.world.book(call.route.venue, required(call, "symbol"))
    if book is None:
        raise BinanceError(-1121, "Invalid symbol.")
    return book


def side_of(call: Call) -> Side:
    match required(call, "side"):
        case "BUY":
            return "BUY"
        case "SELL":
            return "SELL"
        case _:
            raise BinanceError(-1117, "Invalid side.")


def client_id(call: Call, name: str) -> str:
    """The one sent, or one made up as Binance does."""
    sent = call.params.get(name)
    if sent is None:
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in call.world.engine.new_uuid().encode()[:22])
    legal = _SPOT_ID if call.route.venue == "binance-spot" else _USDM_ID
    if not re.fullmatch(legal, sent):
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
    return str(sent)


def flag(call: Call, name: str) -> bool:
    value = call.params.get(name, "false").lower()
    if value not in ("true", "false"):
        raise BinanceError(-1130, f"Data sent for parameter '{name}' is not valid.")
    return bool(value == "true")


def count(call: Call, name: str, default: int) -> int:
    value = call.params.get(name)
    if value is None:
        return default
    if not value.isdigit():
        raise BinanceError(-1130, f"Data sent for parameter '{name}' is not valid.")
    return int(value)
