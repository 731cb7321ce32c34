"""Metrics as lines on standard output, in CloudWatch's embedded format: nothing goes over the network."""

import logging
import threading
from collections.abc import Mapping, Sequence

from chalicelib.domain.metrics import Metric, Unit

logger = logging.getLogger(__name__)

NAMESPACE = "TradingBot"

_VALUES_IN_A_LINE = 100
"""Of one metric: CloudWatch reads no more."""

Dimensions = tuple[tuple[str, str], ...]
"""Names and values beside the stage."""


class CloudWatchMeter:
    """Implements Meter; silent where POWERTOOLS_METRICS_DISABLED is true.

    Never raises: what cannot be written is logged, and the work that is measured goes on.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._tallies: dict[Dimensions, dict[Metric, list[float]]] = {}
        self._lock = threading.Lock()

    def emit(self, metric: Metric, value: float = 1.0, **dimensions: str) -> None:
        self._write(tuple(dimensions.items()), {metric: [value]})

    def tally(self, metric: Metric, value: float = 1.0, **dimensions: str) -> None:
        """Counts add up, of percentages the highest is kept, of times each."""
        with self._lock:
            values = self._tallies.setdefault(tuple(dimensions.items()), {}).setdefault(metric, [])
            if not values or metric.unit is Unit.MILLISECONDS:
                values.append(value)
            else:
                values[0] = max(values[0], value) if metric.unit is Unit.PERCENT else values[0] + value

    def flush(self) -> None:
        """A line for all that has the same dimensions."""
        with self._lock:
            tallies, self._tallies = self._tallies, {}
        for dimensions, rest in tallies.items():
            while rest:
                self._write(dimensions, {metric: values[:_VALUES_IN_A_LINE] for metric, values in rest.items()})
                left = {metric: values[_VALUES_IN_A_LINE:] for metric, values in rest.items()}
                rest = {metric: values for metric, values in left.items() if values}

    def _write(self, dimensions: Dimensions, metrics: Mapping[Metric, Sequence[float]]) -> None:
        """One line; the lock keeps those of several threads apart."""
        try:
            from aws_lambda_powertools.metrics import EphemeralMetrics

            # Handed over whole: add_metric takes 5 µs for each value, of which a fan-out has many.
            line = EphemeralMetrics(
                metric_set={name.value: {"Unit": name.unit.value, "Value": values} for name, values in metrics.items()},
                dimension_set={"stage": self._stage, **dict(dimensions)},
                namespace=NAMESPACE,
                service="",  # which would be a dimension of its own
            )
            with self._lock:
                line.flush_metrics()
        except Exception:
            logger.exception("metrics were not written", extra={"metrics": [metric.value for metric in metrics]})
