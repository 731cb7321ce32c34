"""What Chalice cannot set: how Lambda reads the stream for the functions, and how often it tries a schedule's event."""

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.aws import Aws
from infra.deployment.errors import DeploymentError
from infra.deployment.policies import Names
from infra.deployment.record import SCHEDULED, Deployed
from infra.event_sources import EventSourceMapping

ASYNC_SETTINGS = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
"""A schedule's event that failed or had to wait is of no use any more: the next one comes within a minute."""

_EVERY = 2.0
_LONGEST = 300.0


def mapping_settings(mapping: EventSourceMapping, dead_letters: str) -> dict[str, Any]:
    """In UpdateEventSourceMapping's words."""
    return {
        "BatchSize": mapping.batch_size,
        "ParallelizationFactor": mapping.parallelization_factor,
        "MaximumRetryAttempts": mapping.maximum_retry_attempts,
        "MaximumRecordAgeInSeconds": mapping.maximum_record_age_seconds,
        "BisectBatchOnFunctionError": mapping.bisect_batch_on_function_error,
        "FunctionResponseTypes": ["ReportBatchItemFailures"] if mapping.report_batch_item_failures else [],
        "FilterCriteria": {"Filters": [{"Pattern": mapping.filter}]},
        "DestinationConfig": {"OnFailure": {"Destination": dead_letters}},
    }


def set_mappings(aws: Aws, deployed: Deployed, wanted: Mapping[str, EventSourceMapping], names: Names) -> list[str]:
    """Make every mapping what event_sources.yaml says; returns what was changed.

    A second mapping of a function, which a deployment that broke off may have left, would send everything twice.
    """
    client = aws.client("lambda")
    done = []
    for function, mapping in wanted.items():
        found = deployed.mappings.get(function, [])
        if not found:
            raise DeploymentError(f"{function} has no event source mapping after chalice deploy; run this again")
        first, *more = found
        for other in more:
            _settled(client, other)
            client.delete_event_source_mapping(UUID=other["UUID"])
            done.append(f"deleted a second event source mapping of {function}")
        first = _settled(client, first)
        settings = mapping_settings(mapping, names.dead_letters)
        changed = [name for name, value in settings.items() if _given(first, name) != value]
        if changed or first["State"] != "Enabled":
            client.update_event_source_mapping(UUID=first["UUID"], Enabled=True, **settings)
            done.append(f"set on the event source mapping of {function}: {', '.join(changed) or 'Enabled'}")
    return done


def set_async_retries(aws: Aws, names: Names) -> list[str]:
    """No retries for what is invoked by schedules and wake-up calls; returns what was changed."""
    client = aws.client("lambda")
    done = []
    for function in SCHEDULED:
        name = names.function(function)
        try:
            found = client.get_function_event_invoke_config(FunctionName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            found = {}
        if any(found.get(key) != value for key, value in ASYNC_SETTINGS.items()):
            client.put_function_event_invoke_config(FunctionName=name, **ASYNC_SETTINGS)
            done.append(f"set on {function}: no retries of an event that failed")
    return done


def _settled(client: Any, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as it is once Lambda has done what it was asked for before; it takes nothing else until then."""
    ends = time.monotonic() + _LONGEST
    while True:
        found: dict[str, Any] = client.get_event_source_mapping(UUID=mapping["UUID"])
        if found["State"] in ("Enabled", "Disabled"):
            return found
        if time.monotonic() > ends:
            raise DeploymentError(f"an event source mapping stays {found['State']}; run this again in a few minutes")
        time.sleep(_EVERY)


def _given(mapping: Mapping[str, Any], name: str) -> Any:
    """AWS leaves out what was never set."""
    absent: dict[str, Any] = {"FunctionResponseTypes": [], "ParallelizationFactor": 1}
    value = mapping.get(name, absent.get(name))
    if name == "DestinationConfig" and isinstance(value, dict):
        return {"OnFailure": {"Destination": value.get("OnFailure", {}).get("Destination")}}
    return value
