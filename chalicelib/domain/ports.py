"""What the use cases need of the outside: a store, exchanges, a waker. Adapters implement these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar

from chalicelib.domain.cancels import CancelRequest, CancelStatus
from chalicelib.domain.events import AlertKey, EventLog
from chalicelib.domain.metrics import Metric
from chalicelib.domain.orders import Order, OrderRequest, Venue
from chalicelib.domain.outcomes import CancelOutcome, Lookup, OrderStatus, PlaceOutcome
from chalicelib.domain.outcomes import ExchangeOrder as ExchangeOrder
from chalicelib.domain.strategies import Account, Ban, Heartbeat, Strategy, Switch

Row = Order | CancelRequest | EventLog | AlertKey | Strategy | Account | Switch | Heartbeat | Ban
R = TypeVar("R", Order, CancelRequest, EventLog, AlertKey, Strategy, Account, Switch, Heartbeat, Ban)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row; its key must be free, or hold a row that expired by `or_expired_at` (alerts only)."""

    row: Row
    or_expired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """`new` in place of `old`, if the row still has old's version. Only what differs is written."""

    old: Row
    new: Row


@dataclass(frozen=True, slots=True)
class Delete:
    """The row goes, if it still has this version."""

    row: Row


@dataclass(frozen=True, slots=True)
class Check:
    """Nothing is written; the row must still have this version."""

    row: Row


Change = Insert | Update | Delete | Check


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows newest first; `cursor` leads to the next page, None at the end."""

    items: Sequence[T]
    cursor: str | None


class Store(Protocol):
    """The rows, and the conditional writes on them. Every read by key is consistent; lists are hints (R30).

    All methods may raise DatabaseUnavailableError; a bad cursor raises InvalidError.
    """

    async def commit(self, *changes: Change) -> None:
        """All or nothing. Raises StaleRowError with the positions of the changes whose condition failed.

        A write whose answer was lost is recognised as our own, not reported as stale (R4).
        """

    async def get(self, kind: type[R], *key: str) -> R | None:
        """One row, read consistently."""

    async def get_all(self, kind: type[R], keys: Sequence[str]) -> list[R]:
        """The rows that exist of those keys, read consistently; only for kinds with a single key."""

    async def due_orders(self, now: datetime, limit: int) -> list[str]:
        """Ids of live and watched orders whose check_at has come, longest due first."""

    async def live_orders(self, strategy_id: str) -> list[str]:
        """Ids of a strategy's live and watched orders, by an index that may lag."""

    async def live_orders_of_account(self, account_id: str) -> list[str]:
        """Ids of an account's live and watched orders, by an index that may lag."""

    async def due_cancels(self, now: datetime, limit: int) -> list[str]:
        """Ids of PENDING and PROCESSING requests whose next_retry_at has come, longest due first."""

    async def next_cancel_at(self) -> datetime | None:
        """The smallest next_retry_at of a live request, by an index that may lag; None with nothing live."""

    async def unsettled_events(self, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Strategy and event id of log rows with orders that are not terminal, whose check_at has come."""

    async def recent_events(self, strategy_id: str, since: datetime) -> list[EventLog]:
        """A strategy's log rows, read consistently."""

    async def list_orders(
        self,
        strategy_id: str | None,
        status: OrderStatus | None,
        symbol: str | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Order]:
        """Orders for people to read, newest first."""

    async def list_cancels(
        self, status: CancelStatus | None, limit: int, offset: int, cursor: str | None
    ) -> Page[CancelRequest]:
        """Cancel requests for people to read, newest first; a cursor wins over an offset."""

    async def list_events(self, strategy_id: str, limit: int, cursor: str | None) -> Page[EventLog]:
        """A strategy's log rows for people to read, newest first."""

    async def strategies(self) -> list[Strategy]:
        """All of them, read consistently; there are few."""

    async def accounts(self) -> list[Account]:
        """All of them, read consistently; there are few."""

    async def count_cancels(self, status: CancelStatus, limit: int) -> int:
        """How many requests have this status, counted no further than `limit`; by an index that may lag."""

    async def oldest_cancel(self, status: CancelStatus) -> datetime | None:
        """When the oldest request of this status was made, by an index that may lag; None where there is none."""

    async def oldest_request(self, status: CancelStatus) -> CancelRequest | None:
        """The oldest request of this status itself, by an index that may lag; None where there is none."""

    async def newest_orders(self, days: int, limit: int) -> Sequence[Order]:
        """The newest orders of the last `days` UTC days, newest first, by an index that may lag; no more rows than
        `limit` are read."""

    async def count_attention(self, limit: int) -> int:
        """How many orders call for a person, counted no further than `limit`; by an index that may lag."""

    async def attention_orders(self, limit: int) -> Sequence[Order]:
        """The newest orders that call for a person, newest first, by an index that may lag."""

    async def ping(self) -> None:
        """Ask the database for something."""


class OrderNotAcceptedError(Exception):
    """The order cannot be sent to this venue as it stands; `code` and the message say what to change.

    `passing`: nothing is wrong with the order, the exchange could not be asked now.
    """

    def __init__(self, code: str, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.passing = passing


class Exchange(Protocol):
    """One account at one venue. No method raises for what an exchange may answer: that is the outcome."""

    async def prepare(self, order: Order) -> OrderRequest:
        """The exact request, sized and rounded by the venue's rules. Raises OrderNotAcceptedError.

        Everything that sending needs (rules, balance, credentials, clock) is loaded here (R1).
        """

    async def now(self) -> datetime:
        """The exchange's time, from the offset that was learned."""

    async def place(self, request: OrderRequest, timestamp: datetime, window: float) -> PlaceOutcome:
        """Send once, signed with exactly this time; the exchange refuses it after timestamp + window (R2)."""

    async def use_up_id(self, order: Order) -> PlaceOutcome:
        """Send a request under the order's client id that is sure to be refused, so that no other one under it can
        be taken any more; only where requests do not expire (R12)."""

    async def cancel(self, order: Order) -> CancelOutcome:
        """Ask for the cancel of the order, by exchange id where it is known, else by client id."""

    async def find(self, order: Order) -> Lookup:
        """Look the order up in every book where it may be."""

    async def open_orders(self) -> Sequence[ExchangeOrder]:
        """Everything that is open on this account, in every book."""

    async def free_balance(self, asset: str) -> Decimal:
        """What can be spent of an asset."""

    async def balances(self) -> Mapping[str, Decimal]:
        """What can be spent of each asset that there is any of. Raises OrderNotAcceptedError, its message in words for
        the person who entered the key: it is refused, or the exchange cannot be asked."""

    async def last_price(self, symbol: str) -> Decimal:
        """About what a market order would pay now; asked only where a limit must be checked."""

    async def key_expires_at(self) -> datetime | None:
        """When the account's key ends by itself; None where keys do not, or the exchange does not tell.

        Raises what reading raises.
        """


class Exchanges(Protocol):
    """All venues that this deployment knows."""

    def venue_for(self, account: Account) -> Venue:
        """Where a new order of this account goes, by today's settings."""

    async def session(self, account: Account, venue: Venue, blocked_until: datetime | None = None) -> Exchange:
        """An adapter for orders at `venue`, which is an order's own, not today's. Raises OrderNotAcceptedError.

        `blocked_until`: what another process learned of a ban.
        """


class Waker(Protocol):
    """Calls the sweep; losing the call loses nothing (R27)."""

    async def wake(self, cancel_ids: Sequence[str]) -> None:
        """Ask the sweep to look at these requests. Never raises."""


class Meter(Protocol):
    """Where figures about the work go. No method ever raises."""

    def emit(self, metric: Metric, value: float = 1.0, **dimensions: str) -> None:
        """Written at once: for what somebody must hear of. Called before the write or the act that it is about, so
        that a crash makes it twice rather than never."""

    def tally(self, metric: Metric, value: float = 1.0, **dimensions: str) -> None:
        """Kept in memory until `flush`, and lost with a crash: for statistics."""

    def flush(self) -> None:
        """Write what was tallied; every entry point ends with it."""


class Secrets(Protocol):
    """Where credentials are kept; write-only from here."""

    async def put(self, account_id: str, credentials: dict[str, Any]) -> str:
        """Store them and return the secret's name."""

    async def delete(self, secret_name: str) -> None:
        """Forget them; a missing secret is fine."""
