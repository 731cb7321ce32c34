"""What answers look like: models for the documentation, to which the tests hold every answer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain.cancels import CancelStatus
from chalicelib.domain.orders import OrderType, Placement, TimeInForce
from chalicelib.domain.outcomes import OrderStatus, Side

Time = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", examples=["2026-11-21T03:20:15.123456Z"])
]
DecimalText = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", examples=["0.015"])]
Count = Annotated[int, Field(ge=0)]
Version = Annotated[int, Field(ge=1, description="Raised by every change of the row.")]
Exchange = Literal["binance", "bybit", "upbit", "mock"]
Market = Literal["spot", "futures"]
Cursor = Annotated[str | None, Field(description="Leads to the next page; null at the end.")]


class Answer(BaseModel):
    """Every field is always there, and no other one."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class ErrorPart(Answer):
    """`code` is for programs, the message for people; details name fields or orders."""

    code: str
    message: str
    details: list[Any]


class ErrorAnswer(Answer):
    """Every error."""

    error: ErrorPart


class RootAnswer(Answer):
    """Who answers here."""

    name: str
    version: str
    status: Literal["running"]
    environment: str


class HealthAnswer(Answer):
    """Whether the database answers."""

    status: Literal["healthy", "unhealthy"]
    environment: str
    database: Literal["connected", "disconnected"]


class PingAnswer(Answer):
    """A sign of life."""

    message: Literal["pong"]


class AccountResultPart(Answer):
    """How one account's order stands."""

    account_id: str
    exchange: str
    order_id: str
    status: OrderStatus
    placement: Placement | None
    exchange_order_id: str | None
    filled_quantity: DecimalText
    average_price: DecimalText | None
    error: str | None


class AlertAnswer(Answer):
    """What became of an alert; `duplicate`: it came before, and these are the first one's orders as they are now."""

    event_id: str
    strategy_id: str
    order_type: str
    duplicate: bool
    total_accounts: Count
    successful_accounts: Count
    failed_accounts: Count
    execution_results: list[AccountResultPart]


class EventItem(Answer):
    """A row of the log; `settled`: its counts are final."""

    event_id: str
    strategy_id: str
    order_type: str
    symbol: str | None
    total_accounts: Count
    successful_accounts: Count
    failed_accounts: Count
    created_at: Time
    updated_at: Time
    settled: bool
    execution_results: list[AccountResultPart]
    target_order_ids: list[str] = Field(default=[], description="Of a CANCEL or CANCEL_ALL: the orders it is about.")


class EventList(Answer):
    """Newest first."""

    items: list[EventItem]
    limit: Count
    next_cursor: Cursor


class CancelItem(Answer):
    """A row of the cancel queue. `retry_count` counts refusals of the exchange; waiting uses up no retries."""

    cancel_id: str
    order_id: str
    strategy_id: str
    account_id: str
    exchange: str
    symbol: str
    status: CancelStatus
    waiting_for_order: bool
    retry_count: Count
    max_retries: Count
    next_retry_at: Time
    last_error: str | None
    result: str | None
    requested_by: str
    completed_at: Time | None
    created_at: Time
    updated_at: Time
    version: Version


class CancelList(Answer):
    """Newest first."""

    items: list[CancelItem]
    limit: Count
    offset: Count
    next_cursor: Cursor


class CancelledAnswer(Answer):
    """The cancel is proven."""

    message: str
    order_id: str
    status: Literal["cancelled"]
    cancel_queue_id: None
    immediate: Literal[True]


class QueuedAnswer(Answer):
    """The cancel is stored, and ends only on proof."""

    message: str
    order_id: str
    status: Literal["queued"]
    cancel_queue_id: str
    immediate: Literal[False]


class OrderItem(Answer):
    """An order."""

    order_id: str
    strategy_id: str
    event_id: str
    account_id: str
    exchange: str
    market: str
    testnet: bool
    host: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: DecimalText | None
    quote_amount: DecimalText | None
    percent: DecimalText | None
    price: DecimalText | None
    stop_price: DecimalText | None
    time_in_force: TimeInForce | None
    post_only: bool
    reduce_only: bool
    tag: str | None
    status: OrderStatus
    placement: Placement | None
    attempt: int
    client_order_id: str
    exchange_order_id: str | None
    filled_quantity: DecimalText
    average_price: DecimalText | None
    cancel_requested_at: Time | None
    cancel_sent_at: Time | None = Field(description="When the cancel was sent after which it was seen how it ended.")
    reason: str | None
    error: str | None
    attention: str | None
    deadline: Time | None
    check_at: Time | None
    send_by: Time | None
    created_at: Time
    updated_at: Time
    version: Version


class OrderList(Answer):
    """Newest first."""

    items: list[OrderItem]
    limit: Count
    next_cursor: Cursor


class RequestPart(Answer):
    """The order exactly as it was sent, rounded and sized."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: DecimalText | None
    quote_amount: DecimalText | None
    price: DecimalText | None
    stop_price: DecimalText | None
    time_in_force: TimeInForce | None
    post_only: bool
    reduce_only: bool


class TransitionPart(Answer):
    """One change of state, and who or what caused it."""

    at: Time
    status: OrderStatus
    placement: Placement | None
    by: str
    note: str | None
    filled: DecimalText | None = Field(description="How much was filled by then, where that was news.")


class WholeOrder(OrderItem):
    """An order with its exact request and the last 50 changes of its state."""

    request: RequestPart | None
    history: list[TransitionPart]


class SharePart(Answer):
    """One account of a strategy; amounts are multiplied by its weight."""

    account_id: str
    weight: DecimalText


class LimitsPart(Answer):
    """What the strategy may do at most."""

    max_order_notional: DecimalText | None


class StrategyItem(Answer):
    """A strategy; `halted`: the global switch is off."""

    strategy_id: str
    name: str
    enabled: bool
    halted: bool
    symbols: list[str]
    accounts: list[SharePart]
    limits: LimitsPart
    version: Version
    created_at: Time
    updated_at: Time


class WrittenStrategy(StrategyItem):
    """The same with its webhook token, where that is new: it is shown here and never again."""

    token: str = Field(default="", description="There only where it is new.")


class StrategyList(Answer):
    """All of them."""

    items: list[StrategyItem]


class AccountItem(Answer):
    """An account; whether it has credentials, never which."""

    account_id: str
    exchange: Exchange
    market: Market
    testnet: bool
    enabled: bool
    options: dict[str, Any]
    has_credentials: bool
    version: Version
    created_at: Time
    updated_at: Time


class AccountList(Answer):
    """All of them."""

    items: list[AccountItem]


class AccountReached(Answer):
    """The exchange answered. `exchange` is the one that was asked: the mock, while USE_MOCK_EXCHANGE is on."""

    account_id: str
    exchange: str
    ok: Literal[True]
    balances: dict[str, DecimalText] = Field(description="What can be spent of each asset that there is any of.")
    latency_ms: float


class RefusalPart(Answer):
    """Why it could not be asked."""

    code: Annotated[
        str,
        Field(
            examples=[
                "KEY_REFUSED",
                "ADDRESS_NOT_ALLOWED",
                "NO_CREDENTIALS",
                "EXCHANGE_UNAVAILABLE",
                "RATE_LIMITED",
                "NO_BALANCES",
                "TIMEOUT",
            ]
        ),
    ]
    message: str


class AccountNotReached(Answer):
    """The exchange refused the key, or could not be asked."""

    account_id: str
    exchange: str
    ok: Literal[False]
    error: RefusalPart


class ControlsAnswer(Answer):
    """The global switch."""

    trading_enabled: bool
    updated_at: Time


class CancelCounts(Answer):
    """Requests by status, counted no further than `counted_up_to`."""

    PENDING: Count
    PROCESSING: Count
    FAILED: Count


class OldestCancel(Answer):
    """The oldest request that is PENDING or PROCESSING."""

    cancel_id: str
    order_id: str
    account_id: str
    status: CancelStatus
    created_at: Time
    waiting_for_order: bool
    last_error: str | None
    age_seconds: Annotated[float, Field(ge=0)]


class CallingOrder(Answer):
    """An order that calls for a person, and why."""

    order_id: str
    strategy_id: str
    account_id: str
    exchange: str
    symbol: str
    status: OrderStatus
    attention: str
    created_at: Time


class OrderCounts(Answer):
    """How many of the newest orders have each status."""

    PENDING: Count
    OPEN: Count
    FILLED: Count
    CANCELLED: Count
    EXPIRED: Count
    REJECTED: Count


class AlertBin(Answer):
    """What came in from then until the next piece begins."""

    start: Time = Field(alias="from")
    events: Count
    orders: Count


class LatencyPart(Answer):
    """Milliseconds from the alert to the exchange's first word."""

    count: Count
    median: float | None
    p95: float | None


class OverviewAnswer(Answer):
    """What is seen at a glance; figures of orders are those of the newest 100 of the last seven days."""

    at: Time
    environment: str
    version: str
    trading_enabled: bool
    cancels: CancelCounts
    counted_up_to: Count
    oldest_cancel: OldestCancel | None
    attention: Count
    attention_orders: list[CallingOrder] = Field(description="The newest 20 of them.")
    orders: OrderCounts
    orders_seen: Annotated[int, Field(ge=0, le=100)]
    alerts: list[AlertBin]
    alerts_since: Time
    latency_ms: LatencyPart


class DocumentAnswer(BaseModel):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
