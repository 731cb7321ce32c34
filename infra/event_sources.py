"""The settings of an event source mapping, checked, and the file that holds those of all functions."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from infra.local.event_patterns import check_pattern
from infra.local.tables import queue_properties

SOURCES = Path(__file__).parent / "event_sources.yaml"

MAX_PATTERN = 4096


@dataclass(frozen=True)
class EventSourceMapping:
    """One function's settings; `filter` is the JSON of a FilterCriteria pattern, -1 stands for no limit.

    `on_failure` is the logical name of a queue in stack.yaml.
    """

    name: str
    batch_size: int
    parallelization_factor: int
    maximum_retry_attempts: int
    maximum_record_age_seconds: int
    bisect_batch_on_function_error: bool
    report_batch_item_failures: bool
    on_failure: str
    starting_position: str
    filter: str

    def __post_init__(self) -> None:
        for setting, lowest, highest in (
            ("batch_size", 1, 10_000),
            ("parallelization_factor", 1, 10),
            ("maximum_retry_attempts", -1, 10_000),
            ("maximum_record_age_seconds", -1, 604_800),
        ):
            value = getattr(self, setting)
            if type(value) is not int or not lowest <= value <= highest:
                raise ValueError(f"{self.name}.{setting} is not a number from {lowest} to {highest}")
        if -1 < self.maximum_record_age_seconds < 60:
            raise ValueError(f"{self.name}.maximum_record_age_seconds is under 60, which AWS refuses")
        for setting in ("bisect_batch_on_function_error", "report_batch_item_failures"):
            if type(getattr(self, setting)) is not bool:
                raise ValueError(f"{self.name}.{setting} is neither true nor false")
        if self.on_failure not in queue_properties():
            raise ValueError(f"{self.name}.on_failure is not a queue of stack.yaml")
        if self.starting_position not in ("TRIM_HORIZON", "LATEST"):
            raise ValueError(f"{self.name}.starting_position is neither TRIM_HORIZON nor LATEST")
        if len(self.filter) > MAX_PATTERN:
            raise ValueError(f"{self.name}.filter is longer than {MAX_PATTERN} characters")
        check_pattern(json.loads(self.filter), f"{self.name}.filter")


def load_mappings(path: str | Path = SOURCES) -> dict[str, EventSourceMapping]:
    """The mappings by function name; raises ValueError naming the setting that is missing or wrong."""
    with Path(path).open(encoding="utf-8") as file:
        document = yaml.safe_load(file)
    wanted = {field.name for field in fields(EventSourceMapping)} - {"name"}
    mappings = {}
    for name, settings in (document or {}).items():
        if wrong := wanted ^ set(settings):
            raise ValueError(f"{name}: missing or unknown settings: {', '.join(sorted(wrong))}")
        pattern = json.dumps(settings["filter"], separators=(",", ":"))
        mappings[name] = EventSourceMapping(**{**settings, "name": name, "filter": pattern})
    return mappings
