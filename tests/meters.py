"""A meter that remembers what it was told, and the lines of the real one read back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.metrics import Metric


@dataclass(frozen=True, slots=True)
class Reading:
    """One value; `urgent`: it was to be written at once."""

    metric: Metric
    value: float
    dimensions: dict[str, str]
    urgent: bool


class MemoryMeter:
    """Implements Meter. `on_emit` is called with each urgent reading, at its very moment."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.on_emit: Callable[[Reading], None] | None = None

    def emit(self, metric: Metric, value: float = 1.0, **dimensions: str) -> None:
        self.readings.append(Reading(metric, value, dimensions, urgent=True))
        if self.on_emit is not None:
            self.on_emit(self.readings[-1])

    def tally(self, metric: Metric, value: float = 1.0, **dimensions: str) -> None:
        self.readings.append(Reading(metric, value, dimensions, urgent=False))

    def flush(self) -> None:
        """Everything stays to be looked at."""

    def values(self, metric: Metric, **dimensions: str) -> list[float]:
        """What this metric was told, under exactly these dimensions."""
        return [r.value for r in self.readings if r.metric is metric and r.dimensions == dimensions]

    def urgent(self, metric: Metric) -> list[float]:
        """What of it was to be written at once."""
        return [r.value for r in self.readings if r.metric is metric and r.urgent]


def lines_in(printed: str) -> Iterator[dict[str, Any]]:
    """The metrics among what a process printed, each line as an object."""
    for line in printed.splitlines():
        if line.startswith('{"_aws":'):
            yield json.loads(line)


def figures_in(printed: str) -> dict[tuple[str, ...], list[float]]:
    """Values by the metric's name and its dimensions, as `("Alerts", "result=accepted", "stage=test")`."""
    found: dict[tuple[str, ...], list[float]] = {}
    for line in lines_in(printed):
        (definition,) = line["_aws"]["CloudWatchMetrics"]
        (names,) = definition["Dimensions"]
        assert definition["Namespace"] == "TradingBot"
        for metric in definition["Metrics"]:
            key = (metric["Name"], *sorted(f"{name}={line[name]}" for name in names))
            found.setdefault(key, []).extend(line[metric["Name"]])
    return found
