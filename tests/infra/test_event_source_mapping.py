"""The mapping file: when it wakes the two functions, and which settings are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.event_sources import load_mappings
from infra.local.event_patterns import matches
from infra.local.tables import TEMPLATE
from tests.infra.stream_bench import ASKED, SOURCES, order


def change(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    images = {"OldImage": old, "NewImage": new}
    return {"eventName": name, "dynamodb": {key: value for key, value in images.items() if value is not None}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (order("PENDING", "ACKED"), order("OPEN", None, ASKED), True),
        (order("PENDING", "SENDING", ASKED), order("OPEN", None, ASKED), True),
        (order("PENDING", "SENDING", ASKED), order("REJECTED", None, ASKED), True),
        (order("PENDING", "SENDING", ASKED), order("PENDING", "ACKED", ASKED), True),
        (order("PENDING", "ACKED"), order("PENDING", "ACKED", ASKED), True),
        (order("PENDING", "SENDING"), order("OPEN"), False),
        (order("PENDING", "SENDING"), order("PENDING", "SENDING", ASKED), False),
        (order("PENDING", "SENDING", ASKED), order("PENDING", "UNKNOWN", ASKED), False),
        (order("OPEN"), order("OPEN", None, ASKED), False),
        (order("OPEN", None, ASKED), order("CANCELLED", None, ASKED), False),
        (None, order("OPEN", None, ASKED), False),
        (None, order("PENDING", "ACKED", ASKED), False),
        (order("PENDING", "ACKED", ASKED), None, False),
    ],
)
def test_fire_cancels_wakes_when_a_wanted_cancel_can_be_sent(
    old: dict[str, Any] | None, new: dict[str, Any] | None, expected: bool
) -> None:
    """The order left PENDING or was acknowledged, and a cancel was asked for."""
    pattern = json.loads(load_mappings(SOURCES)["fire_cancels"].filter)

    assert matches(pattern, change(old, new)) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, order("PENDING", "READY"), True),
        (order("PENDING", "SENDING"), order("PENDING", "READY"), True),
        (None, order("PENDING", "SENDING"), False),
        (order("PENDING", "READY"), order("PENDING", "SENDING"), False),
        (order("PENDING", "READY"), order("CANCELLED"), False),
        (order("PENDING", "READY"), None, False),
    ],
)
def test_place_ready_wakes_for_orders_that_may_be_sent(
    old: dict[str, Any] | None, new: dict[str, Any] | None, expected: bool
) -> None:
    """New ones and those that became ready."""
    pattern = json.loads(load_mappings(SOURCES)["place_ready"].filter)

    assert matches(pattern, change(old, new)) is expected


def test_the_mapping_file_gives_both_functions_a_way_out_of_poison() -> None:
    """Without limits one record would block its shard for a day."""
    mappings = load_mappings(SOURCES)

    assert set(mappings) == {"fire_cancels", "place_ready"}
    for mapping in mappings.values():
        assert mapping.starting_position == "TRIM_HORIZON"
        assert mapping.report_batch_item_failures
        assert mapping.maximum_retry_attempts >= 0
        assert mapping.maximum_record_age_seconds >= 60
        assert mapping.bisect_batch_on_function_error
        assert len(mapping.filter) <= 4096


def test_what_is_given_up_is_kept_for_fourteen_days_in_an_encrypted_queue() -> None:
    """Long enough for a person who comes back from a holiday; its ARN is there for the deployment."""
    template = yaml.safe_load(TEMPLATE.read_text())
    names = {mapping.on_failure for mapping in load_mappings(SOURCES).values()}

    (queue,) = [template["Resources"][name] for name in names]
    (name,) = names

    assert queue["Type"] == "AWS::SQS::Queue"
    assert queue["Properties"]["SqsManagedSseEnabled"] is True
    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert template["Outputs"][f"{name}Arn"]["Value"] == {"Fn::GetAtt": [name, "Arn"]}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("batch_size", 0),
        ("batch_size", True),
        ("maximum_retry_attempts", -2),
        ("maximum_record_age_seconds", 59),
        ("bisect_batch_on_function_error", "yes"),
        ("on_failure", "MockExchange"),
        ("on_failure", None),
        ("starting_position", "NOW"),
        ("filter", {"a": "x"}),
        ("filter", {"a": ["x" * 4096]}),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, setting: str, value: object) -> None:
    """The message says which function and which setting."""
    document = yaml.safe_load(SOURCES.read_text())
    document["place_ready"][setting] = value
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(document))

    with pytest.raises(ValueError, match=rf"place_ready\.{setting}"):
        load_mappings(tmp_path / "sources.yaml")


def test_a_missing_or_unknown_setting_is_named(tmp_path: Path) -> None:
    """A typing error is both at once."""
    text = SOURCES.read_text().replace("batch_size", "batchsize")
    (tmp_path / "sources.yaml").write_text(text)

    with pytest.raises(ValueError, match=r"fire_cancels.*batch_size, batchsize"):
        load_mappings(tmp_path / "sources.yaml")
