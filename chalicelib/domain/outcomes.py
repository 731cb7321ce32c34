"""What a call to an exchange proved. Unknown is the default: a guess is never an outcome (R8)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class OrderStatus(StrEnum):
    """Where an order stands, ours or the exchange's."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def terminal(self) -> bool:
        return self not in (OrderStatus.PENDING, OrderStatus.OPEN)


class Side(StrEnum):
    """Direction of an order."""

    BUY = "BUY"
    SELL = "SELL"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeOrder:
    """An order as an exchange reports it: fills are cumulative, `updated_at` is the exchange's time."""

    exchange_order_id: str
    client_order_id: str
    symbol: str
    side: Side
    status: OrderStatus
    quantity: Decimal | None
    quote_amount: Decimal | None = None
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    updated_at: datetime | None = None
    reason: str | None = None
    conditional: bool = False
    """It waits for its trigger: in a book of its own, where the exchange has one for such orders."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The order is, or was, on the exchange's book."""

    order: ExchangeOrder


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The exchange took the request for processing; it may still be refused."""

    exchange_order_id: str


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """Proven: this request put nothing on the exchange. `retry`: the same request may succeed later, under the
    same client id unless the exchange counts it as used (`id_spent`, Upbit)."""

    code: str
    message: str
    retry: bool = False
    retry_after: float = 0.0
    id_spent: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The client id is taken: look the order up."""

    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything may have happened."""

    message: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The exchange's own final word on the order, fills included."""

    order: ExchangeOrder


@dataclass(frozen=True, slots=True)
class CancelAcknowledged:
    """The cancel was taken for processing; not an end."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The order was terminal already; read its final state."""

    message: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """Not arrived yet, not visible yet, or terminal: never proof of anything (R19)."""

    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The exchange refused the cancel; the order lives. The only outcome that uses up a retry (R17)."""

    message: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Rate limit, ban or maintenance: come back after `retry_after` seconds."""

    message: str
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A look-up saw the order."""

    order: ExchangeOrder


@dataclass(frozen=True, slots=True)
class Absent:
    """A look-up in every book did not see the order."""


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """The look-up itself failed; that is not a sighting of absence (R12)."""

    message: str


PlaceOutcome = Placed | Acknowledged | NotPlaced | Duplicate | Unknown
CancelOutcome = Cancelled | CancelAcknowledged | Gone | NotFound | Refused | Throttled | Unknown
Lookup = Found | Absent | LookupFailed
