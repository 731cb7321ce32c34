"""What is measured: names and units, on which alarms and the dashboard are built, and a meter that keeps nothing."""

from collections.abc import Mapping
from enum import StrEnum


class Unit(StrEnum):
    """CloudWatch's own words."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    PERCENT = "Percent"


class Metric(StrEnum):
    """Every metric; beside `stage`, which all of them have, the dimensions that it has stand with it."""

    API_FAILURES = "ApiFailures"  # answers of 500 and more
    ALERTS = "Alerts"  # result: accepted, duplicate, refused, failed
    ORDERS = "Orders"  # status
    ALERT_TO_EXCHANGE = "AlertToExchange"
    CANCEL_LATENCY = "CancelLatency"
    CANCEL_RETRIES = "CancelRetries"
    CANCELS_FAILED = "CancelsFailed"
    ORPHANS_FOUND = "OrphansFound"
    EXCHANGE_REQUESTS = "ExchangeRequests"  # exchange
    EXCHANGE_ERRORS = "ExchangeErrors"  # exchange
    RATE_LIMIT_USE = "RateLimitUse"  # exchange
    QUEUED_CANCELS = "QueuedCancels"
    OLDEST_QUEUED_CANCEL = "OldestQueuedCancel"
    FAILED_CANCELS = "FailedCancels"
    ATTENTION_ORDERS = "AttentionOrders"
    UPBIT_KEY_DAYS_LEFT = "UpbitKeyDaysLeft"

    @property
    def unit(self) -> Unit:
        """What its values are counted in."""
        return _UNITS.get(self, Unit.COUNT)


_UNITS: Mapping[Metric, Unit] = {
    Metric.ALERT_TO_EXCHANGE: Unit.MILLISECONDS,
    Metric.CANCEL_LATENCY: Unit.MILLISECONDS,
    Metric.RATE_LIMIT_USE: Unit.PERCENT,
    Metric.OLDEST_QUEUED_CANCEL: Unit.SECONDS,
}


class SilentMeter:
    """Implements Meter and keeps nothing: for simulations, and where nobody reads metrics."""

    def emit(self, metric: Metric, value: float = 1.0, **dimensions: str) -> None:
        """Nothing is written."""

    def tally(self, metric: Metric, value: float = 1.0, **dimensions: str) -> None:
        """Nothing is remembered."""

    def flush(self) -> None:
        """There is nothing to write."""
