"""How rows read in answers: times and decimals as text, None as null."""

from collections.abc import Iterable
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from chalicelib.domain.cancels import CancelRequest
from chalicelib.domain.clock import seconds_between, utc_text
from chalicelib.domain.events import AccountResult, EventLog
from chalicelib.domain.orders import Order, OrderRequest
from chalicelib.domain.strategies import Account, Strategy
from chalicelib.domain.text import to_text
from chalicelib.usecases.alerts import AlertAnswer
from chalicelib.usecases.metering import COUNTED_UP_TO

if TYPE_CHECKING:  # what is rarely asked for is imported when it is
    from chalicelib.usecases.account_test import NotReached, Reached
    from chalicelib.usecases.overview import Overview


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ORDER_FIELDS = _names(
    "order_id strategy_id event_id account_id exchange market testnet host symbol side order_type quantity "
    "quote_amount percent price stop_price time_in_force post_only reduce_only tag status placement attempt "
    "client_order_id exchange_order_id filled_quantity average_price cancel_requested_at cancel_sent_at reason error "
    "attention deadline check_at send_by created_at updated_at version"
)
_REQUEST_FIELDS = _names(
    "client_order_id symbol side order_type quantity quote_amount price stop_price time_in_force post_only reduce_only"
)
_CANCEL_FIELDS = _names(
    "cancel_id order_id strategy_id account_id exchange symbol status waiting_for_order retry_count "
    "next_retry_at last_error result requested_by completed_at created_at updated_at version"
)
_OLDEST_FIELDS = _names("cancel_id order_id account_id status created_at waiting_for_order last_error")
_CALLING_FIELDS = _names("order_id strategy_id account_id exchange symbol status attention created_at")
_LATENCY_FIELDS = _names("count median p95")
_RESULT_FIELDS = _names(
    "account_id exchange order_id status placement exchange_order_id filled_quantity average_price error"
)
_EVENT_FIELDS = _names(
    "event_id strategy_id order_type symbol total_accounts successful_accounts failed_accounts created_at updated_at"
)
_STRATEGY_FIELDS = _names("strategy_id name enabled halted version created_at updated_at")
_ACCOUNT_FIELDS = _names("account_id exchange market testnet enabled version created_at updated_at")


def show_order(order: Order, *, whole: bool = False) -> dict[str, Any]:
    """An order; `whole` adds the exact request and the history of its states."""
    shown = _fields(order, _ORDER_FIELDS)
    if whole:
        shown["request"] = _show_request(order.request)
        shown["history"] = [
            _fields(entry, ["at", "status", "placement", "by", "note", "filled"]) for entry in order.history
        ]
    return shown


def show_cancel(request: CancelRequest, max_retries: int) -> dict[str, Any]:
    """A row of the cancel queue."""
    return {**_fields(request, _CANCEL_FIELDS), "max_retries": max_retries}


def show_event(event: EventLog) -> dict[str, Any]:
    """A log row with the results by account."""
    shown = _fields(event, _EVENT_FIELDS)
    shown["settled"] = event.check_at is None
    shown["execution_results"] = [_show_result(result) for result in event.results]
    if event.is_cancel:
        shown["target_order_ids"] = list(event.order_ids)
    return shown


def show_answer(answer: AlertAnswer) -> dict[str, Any]:
    """The webhook's answer."""
    event = answer.event
    return {
        "event_id": event.event_id,
        "strategy_id": event.strategy_id,
        "order_type": event.order_type,
        "duplicate": answer.duplicate,
        "total_accounts": event.total_accounts,
        "successful_accounts": event.successful_accounts,
        "failed_accounts": event.failed_accounts,
        "execution_results": [_show_result(result) for result in event.results],
    }


def show_strategy(strategy: Strategy) -> dict[str, Any]:
    """A strategy, without its token's hash."""
    shown = _fields(strategy, _STRATEGY_FIELDS)
    shown["symbols"] = list(strategy.symbols)
    shown["accounts"] = [_fields(share, ["account_id", "weight"]) for share in strategy.accounts]
    shown["limits"] = _fields(strategy, ["max_order_notional"])
    return shown


def show_account(account: Account) -> dict[str, Any]:
    """An account; whether it has credentials, never which."""
    shown = _fields(account, _ACCOUNT_FIELDS)
    return {**shown, "options": dict(account.options), "has_credentials": account.secret_name is not None}


def show_overview(overview: "Overview") -> dict[str, Any]:
    """What is seen at a glance."""
    return {
        "at": utc_text(overview.at),
        "trading_enabled": overview.trading_enabled,
        "cancels": {status.value: count for status, count in overview.cancels.items()},
        "counted_up_to": COUNTED_UP_TO,
        "oldest_cancel": _show_oldest(overview),
        "attention": overview.attention,
        "attention_orders": [_fields(order, _CALLING_FIELDS) for order in overview.attention_orders],
        "orders": dict(overview.orders),
        "orders_seen": overview.orders_seen,
        "alerts": [
            {"from": utc_text(piece.start), "events": piece.events, "orders": piece.orders} for piece in overview.alerts
        ],
        "alerts_since": utc_text(overview.alerts_since),
        "latency_ms": dict(zip(_LATENCY_FIELDS, astuple(overview.latency), strict=True)),
    }


def show_account_test(account_id: str, result: "Reached | NotReached") -> dict[str, Any]:
    """What asking an account's exchange came to; `exchange` is the one that was asked."""
    from chalicelib.usecases.account_test import NotReached

    shown = {"account_id": account_id, "exchange": result.exchange, "ok": not isinstance(result, NotReached)}
    if isinstance(result, NotReached):
        return {**shown, "error": {"code": result.code, "message": result.message}}
    balances = {asset: to_text(free) for asset, free in sorted(result.balances.items())}
    return {**shown, "balances": balances, "latency_ms": result.latency_ms}


def _show_oldest(overview: "Overview") -> dict[str, Any] | None:
    oldest = overview.oldest_cancel
    if oldest is None:
        return None
    age = max(0.0, round(seconds_between(oldest.created_at, overview.at), 1))
    return {**_fields(oldest, _OLDEST_FIELDS), "age_seconds": age}


def _show_request(request: OrderRequest | None) -> dict[str, Any] | None:
    return _fields(request, _REQUEST_FIELDS) if request else None


def _show_result(result: AccountResult) -> dict[str, Any]:
    return _fields(result, _RESULT_FIELDS)


def _fields(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    return to_text(value)
