"""The two books of Binance USD-M, and in which of them an order is.

Plain and algo orders have ids of their own that look alike. The id in a row stands for the book that its order
type goes to; one of the other book is marked: `order:<id>` for what a stop became when it was triggered,
`algo:<id>` for an algo order that is listed where no order type is known.
"""

from dataclasses import dataclass
from enum import Enum

from chalicelib.domain.orders import Order, OrderRequest
from chalicelib.exchanges.binance.market import is_stop
from chalicelib.exchanges.binance.parsing import native_symbol


class Book(Enum):
    """Where an order lives; the value marks an id that is not of the book one would expect."""

    PLAIN = "order"
    ALGO = "algo"

    @property
    def path(self) -> str:
        return "/fapi/v1/order" if self is Book.PLAIN else "/fapi/v1/algoOrder"

    @property
    def id_name(self) -> str:
        return "orderId" if self is Book.PLAIN else "algoId"

    @property
    def client_id_name(self) -> str:
        return "origClientOrderId" if self is Book.PLAIN else "clientAlgoId"

    @property
    def answered_name(self) -> str:
        """How answers call the client id."""
        return "clientOrderId" if self is Book.PLAIN else "clientAlgoId"


@dataclass(frozen=True, slots=True)
class Place:
    """A book, and the order's id in it where that is known."""

    book: Book
    number: str | None = None

    def reference(self, order: Order) -> dict[str, str]:
        """The parameters that name the order there: by id where it is known, else by the full client id."""
        named = {self.book.id_name: self.number} if self.number else {self.book.client_id_name: order.client_order_id}
        return {"symbol": native_symbol(order.symbol), **named}


def home(order: Order | OrderRequest) -> Book:
    """The book that orders of this type are sent to."""
    return Book.ALGO if is_stop(order) else Book.PLAIN


def place_of(order: Order) -> Place:
    """Where the order is, as far as its row tells."""
    mark, _, number = (order.exchange_order_id or "").rpartition(":")
    return Place(Book(mark) if mark else home(order), number or None)


def marked(number: str, book: Book, expected: Book) -> str:
    """The id as a row keeps it."""
    return number if book is expected else f"{book.value}:{number}"
