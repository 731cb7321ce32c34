"""What differs from exchange to exchange: how a call is written and what an answer means. No I/O in here.

A dialect is one market of one exchange. `HttpExchange` does the rest for all of them: connections, clocks, limits,
credentials, retries, sizing and rounding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol

import httpx

from chalicelib.domain.markets import MarketRules as MarketRules
from chalicelib.domain.orders import Order, OrderRequest
from chalicelib.domain.outcomes import CancelOutcome, ExchangeOrder, Lookup, PlaceOutcome
from chalicelib.domain.secrets import Credentials as Credentials


class Purpose(Enum):
    """What a call is for: limits and retries depend on it. Cancels pass before creates."""

    CREATE = "create"
    CANCEL = "cancel"
    READ = "read"


class Encoding(Enum):
    """Where the parameters go."""

    QUERY = "query"
    FORM = "form"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request before it is signed. Parameters keep their order; values are what goes on the wire."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    encoding: Encoding = Encoding.QUERY
    purpose: Purpose = Purpose.READ
    signed: bool = True
    group: str = "default"
    """Name of the rate limit that it counts against."""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response. `body` is the parsed JSON, None where the text is not JSON."""

    status: int
    headers: Mapping[str, str]
    text: str
    body: Any

    def header(self, name: str) -> str | None:
        """Whatever its case; None where it is missing."""
        told = self.headers.get(name)  # httpx's headers have no case
        if told is not None:
            return told
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Budget:
    """A documented rate limit: `calls` (or weight) in `seconds`, of an account, or of all behind its address."""

    calls: int
    seconds: float
    for_cancels: int = 0
    """Kept free of creates and reads, where cancels count against the same budget."""
    per_address: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """What the exchange says is left of a group's budget, and when it starts anew (None: after its whole time)."""

    group: str
    calls: int
    resets_in: float | None = None


@dataclass(frozen=True, slots=True)
class LimitNews:
    """What an answer says about limits: seconds to stay away altogether (429, 418, bans), and what is left."""

    stay_away: float = 0.0
    left: Sequence[Left] = ()
    refused: bool = False
    """This very call was turned away for a limit, and does no harm when it is repeated later."""
    whole_address: bool = False
    """It is the address that is to stay away, with all its accounts."""


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Part of a list of open orders, and the call for the next part of the same book, None at its end."""

    orders: Sequence[ExchangeOrder]
    next_call: Call | None = None


class Dialect(Protocol):
    """One market of one exchange. Every method is pure."""

    budgets: Mapping[str, Budget]
    """Documented limits by group."""
    has_clock: bool
    """Whether requests carry a time that the exchange checks (not so at Upbit)."""

    guesses_trigger_side: bool
    """Whether a stop on the wrong side of the market is taken, as an order that triggers the other way."""

    def check(self, order: Order) -> None:
        """Raise OrderNotAcceptedError where the exchange has no such order; the message says what to use."""

    def takes_quote_amount(self, order: Order) -> bool:
        """Whether the exchange itself sizes such an order by quote amount."""

    def auth(self, credentials: Credentials, timestamp_ms: int, window_ms: int) -> httpx.Auth:
        """Signs the exact bytes that go out, with exactly this time; reads no clock of its own (R2)."""

    def create(self, request: OrderRequest) -> Call: ...

    def read_create(self, answer: Answer, request: OrderRequest) -> PlaceOutcome:
        """By status, code and body; what is not listed is Unknown."""

    def use_up_id(self, order: Order) -> Call | None:
        """A create under the order's client id that cannot be accepted; None where requests expire by themselves."""

    def cancel(self, order: Order) -> Call: ...

    def read_cancel(self, answer: Answer, order: Order, call: Call) -> CancelOutcome | Call:
        """NotFound, Gone and an acknowledgement are never Cancelled; or a cancel in another book where it may be."""

    def find(self, order: Order) -> Sequence[Call]:
        """Look-ups in every book where the order may be, by exchange id or full client id; the first hit ends it."""

    def read_find(self, answer: Answer, order: Order, call: Call) -> Lookup | Call:
        """Found, Absent (in this book), LookupFailed; or a further call to follow (a triggered order)."""

    def open_orders(self) -> Sequence[Call]:
        """The first call for each book."""

    def read_open_orders(self, answer: Answer, call: Call) -> OrderPage:
        """Raises ValueError where the answer is no list of orders."""

    def balance(self, asset: str) -> Call: ...

    def read_balance(self, answer: Answer, asset: str) -> Decimal:
        """What is free. Raises ValueError where the answer is no balance."""

    def read_balances(self, answer: Answer) -> dict[str, Decimal]:
        """The same of every asset that there is any of. Raises ValueError where the answer is no balance."""

    def rules(self, symbol: str) -> Sequence[Call]: ...

    def read_rules(self, answers: Sequence[Answer], symbol: str) -> MarketRules:
        """Raises ValueError where the market is not listed."""

    def last_price(self, symbol: str) -> Call: ...

    def read_last_price(self, answer: Answer) -> Decimal:
        """Raises ValueError where the answer has no price."""

    def key_list(self) -> Call | None:
        """The account's keys with their ends; None where keys do not end by themselves, or no list tells."""

    def read_key_expiry(self, answer: Answer, api_key: str) -> datetime:
        """When this key ends. Raises ValueError where the answer does not say."""

    def server_time(self) -> Call | None:
        """None where the exchange has none that matters."""

    def read_server_time(self, answer: Answer) -> int:
        """Milliseconds since 1970. Raises ValueError."""

    def is_passing(self, answer: Answer) -> bool:
        """A failure of the exchange's own that its HTTP status does not show."""

    def is_clock_error(self, answer: Answer) -> bool:
        """The exchange refused our time stamp: learn the offset again."""

    def is_key_error(self, answer: Answer) -> bool:
        """The exchange refused our key: load the credentials again, once."""

    def is_address_error(self, answer: Answer) -> bool:
        """The key is not allowed from our address; False where the exchange does not tell that from other faults."""

    def limits(self, answer: Answer, call: Call) -> LimitNews:
        """From status, code and headers of the call's answer."""


def amount_text(amount: Decimal | None) -> str | None:
    """An amount as it goes on the wire: plain digits, no exponent."""
    return None if amount is None else format(amount, "f")
