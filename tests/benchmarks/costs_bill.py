"""A month's bill, made of what one of each thing was measured to use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import yaml

from chalicelib.aws.credentials import CACHED_FOR
from chalicelib.domain.policy import Policy
from infra.deployment.settings import function_settings
from infra.local.tables import TEMPLATE
from tests.benchmarks.costs_app import EXCHANGES, Used
from tests.benchmarks.costs_prices import Prices
from tests.benchmarks.costs_runs import Runs

HOURS = 730
"""Of a month, as AWS counts."""

ALERTS = 10_000
MARKETS, LIMITS, CANCELS = ALERTS // 2, ALERTS // 2, ALERTS // 4
RESTING_MINUTES = 30
KEPT_MONTHS = 3
"""The rows' time to live."""

EXCHANGE_BYTES_OUT = 3_000
"""Of a request to an exchange, with what opening its connection takes; not measured, for the simulator has no TLS."""

_GB = 1e9
_TABLE_GB = 2**30
_MB_OF_A_GB = 1024
_ALARM, _DASHBOARD, _SECRET = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::SecretsManager::Secret"


@dataclass(frozen=True)
class Times:
    """How often a month does each thing that was measured."""

    parts: Sequence[tuple[float, Used]]
    cold_starts: float = 0
    """Invocations that find no warm function."""
    key_reads: float = 0
    """Of Secrets Manager, by functions that have not read an account's key before, or not lately."""

    def total(self, of: Callable[[Used], float]) -> float:
        return sum(times * of(used) for times, used in self.parts)

    def metrics(self) -> int:
        """Distinct names with their dimensions: each is billed by itself."""
        return len({name for times, used in self.parts for name in used.metrics})

    def __add__(self, other: "Times") -> "Times":
        cold, reads = self.cold_starts + other.cold_starts, self.key_reads + other.key_reads
        return Times([*self.parts, *other.parts], cold, reads)


@dataclass(frozen=True)
class Line:
    """One item; how much of it, in words."""

    name: str
    amount: str
    usd: float


@dataclass(frozen=True)
class Template:
    """What of the stack is billed by the piece."""

    alarm_metrics: int
    dashboards: int
    secrets: int


def idle(runs: Runs) -> Times:
    """A sweep and a reconcile each minute, of which one in RECONCILE_INTERVAL hunts orphans."""
    minutes = HOURS * 60
    hunts = HOURS * 3600 / Policy().reconcile_interval
    key_reads = HOURS * 3600 / CACHED_FOR * len(EXCHANGES)
    return Times([(minutes, runs.sweep), (minutes - hunts, runs.reconcile), (hunts, runs.hunt)], key_reads=key_reads)


def alerts(runs: Runs) -> Times:
    """All of them meet a cold function: the most that they can cost."""
    looks = LIMITS * RESTING_MINUTES * 60 / Policy().reconcile_interval
    parts = [(MARKETS, runs.market), (LIMITS, runs.limit), (CANCELS, runs.cancel)]
    cold = sum(times * sum(used.invocations.values()) for times, used in parts)
    key_reads = (MARKETS + LIMITS + CANCELS) * len(EXCHANGES)
    return Times([*parts, (looks, runs.resting), (-looks, runs.hunt)], cold, key_reads)


def bill(times: Times, prices: Prices, template: Template, cold_seconds: float) -> list[Line]:
    """By service; the network with one address is not in it."""
    return [*_work(times, prices, cold_seconds), *_data(times, prices), *_watching(times, prices, template)]


def nat(times: Times, prices: Prices) -> Line:
    """The way out with one address, for exchanges that demand one."""
    gigabytes = times.total(lambda used: used.exchange_requests) * EXCHANGE_BYTES_OUT / _GB
    usd = HOURS * (prices.nat_hour + prices.address_hour) + gigabytes * prices.nat_gb
    return Line("NAT gateway and its address (optional)", f"{HOURS} h, {gigabytes:.2f} GB", usd)


def read_template() -> Template:
    """Standard alarms are billed by the metrics that they read."""
    resources = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))["Resources"].values()
    alarms = [resource["Properties"] for resource in resources if resource["Type"] == _ALARM]
    return Template(
        sum(
            sum("MetricStat" in metric for metric in alarm["Metrics"]) if "Metrics" in alarm else 1 for alarm in alarms
        ),
        sum(resource["Type"] == _DASHBOARD for resource in resources),
        sum(resource["Type"] == _SECRET for resource in resources),
    )


def _work(times: Times, prices: Prices, cold_seconds: float) -> list[Line]:
    invocations = times.total(lambda used: sum(used.invocations.values()))
    warm = times.total(_gb_seconds)
    cold = times.cold_starts * cold_seconds * _gigabytes("api_handler")
    calls = times.total(lambda used: used.http_requests)
    return [
        Line("Lambda: invocations", f"{invocations:,.0f}", invocations * prices.lambda_request),
        Line("Lambda: work", f"{warm:,.0f} GB-s", warm * prices.lambda_gb_second),
        Line("Lambda: cold starts", f"{cold:,.0f} GB-s", cold * prices.lambda_gb_second),
        Line("API Gateway", f"{calls:,.0f} calls", calls * prices.api_call),
        Line("EventBridge, SQS, SNS", "schedules are free, the rest negligible", 0.0),
    ]


def _data(times: Times, prices: Prices) -> list[Line]:
    writes, reads = times.total(lambda used: used.units.writes), times.total(lambda used: used.units.reads)
    tables = times.total(lambda used: used.stored[0]) * KEPT_MONTHS / _TABLE_GB
    indexes = times.total(lambda used: used.stored[1]) * KEPT_MONTHS / _TABLE_GB
    answers = times.total(lambda used: used.answer_bytes) / _GB
    orders = times.total(lambda used: used.exchange_requests) * EXCHANGE_BYTES_OUT / _GB
    return [
        Line("DynamoDB: writes", f"{writes:,.0f} units", writes * prices.write_unit),
        Line("DynamoDB: reads", f"{reads:,.0f} units", reads * prices.read_unit),
        Line("DynamoDB: storage", f"{tables + indexes:.2f} GB", (tables + indexes) * prices.table_gb),
        Line("DynamoDB: point-in-time recovery", f"{tables:.2f} GB", tables * prices.recovery_gb),
        Line("Data out", f"{answers + orders:.2f} GB", (answers + orders) * prices.out_gb),
    ]


def _watching(times: Times, prices: Prices, template: Template) -> list[Line]:
    logs = times.total(lambda used: used.log_bytes) / _GB
    metrics, secrets = times.metrics(), template.secrets + len(EXCHANGES)
    return [
        Line("CloudWatch: logs, kept for a month", f"{logs:.2f} GB", logs * (prices.log_gb + prices.log_stored_gb)),
        Line("CloudWatch: metrics", f"{metrics}", metrics * prices.metric),
        Line("CloudWatch: alarms", f"{template.alarm_metrics} metrics", template.alarm_metrics * prices.alarm_metric),
        Line("CloudWatch: dashboard", f"{template.dashboards}", template.dashboards * prices.dashboard),
        Line("Secrets Manager: secrets", f"{secrets}", secrets * prices.secret),
        Line("Secrets Manager: calls", f"{times.key_reads:,.0f}", times.key_reads * prices.secret_call),
    ]


def _gb_seconds(used: Used) -> float:
    return sum(seconds * _gigabytes(name) for name, seconds in used.seconds.items())


def _gigabytes(function: str) -> float:
    memory: int = function_settings()[function]["lambda_memory_size"]
    return memory / _MB_OF_A_GB
