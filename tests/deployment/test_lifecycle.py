"""A stage from nothing to nothing, by the two commands that a person and CI use."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.deployment.policies import TRADINGVIEW
from infra.event_sources import load_mappings
from infra.local.tables import table_properties
from tests.deployment.account import everything
from tests.deployment.desk import BUILT, DeploymentDesk, check_out

FUNCTIONS = {
    "trading-bot-dev": ("app.app", 1769, 29, 50),
    "trading-bot-dev-fire_cancels": ("app.fire_cancels", 1769, 30, 10),
    "trading-bot-dev-place_ready": ("app.place_ready", 1769, 30, 10),
    "trading-bot-dev-sweep": ("app.sweep", 1024, 75, 2),
    "trading-bot-dev-reconcile": ("app.reconcile", 1024, 75, 2),
}
ALARMS = {
    "api-failures",
    "attention",
    "dead-letters",
    "errors",
    "failed-cancels",
    "iterator-age",
    "orphans",
    "queue-age",
    "silent",
    "throttles",
    "upbit-key",
}


def of_kind(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name.removeprefix(f"{kind} "): value for name, value in found.items() if name.startswith(f"{kind} ")}


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_a_stage_is_deployed_with_the_properties_that_were_promised(desk: DeploymentDesk) -> None:
    done = desk.deploy(ADMIN_CIDRS="203.0.113.7", ALARM_EMAIL="operator@example.com")

    found = everything(desk)
    functions = of_kind(found, "function")
    api = next(iter(of_kind(found, "api").values()))
    url = f"https://{api['id']}.execute-api.us-east-1.amazonaws.com/api/"
    assert f"webhook: {url}api/v1/webhook" in done.said
    assert "health: not checked" in done.said
    shape = {
        name: (entry["Handler"], entry["MemorySize"], entry["Timeout"], entry["Concurrency"])
        for name, entry in functions.items()
    }
    assert shape == FUNCTIONS
    _assert_environment(functions, found)
    _assert_delivery(found)
    _assert_api(api)
    _assert_data(found)
    _assert_watched(found)


def _assert_environment(functions: dict[str, Any], found: dict[str, Any]) -> None:
    for entry in functions.values():
        variables = entry["Environment"]["Variables"]
        assert variables.keys() == {
            "ADMIN_CIDRS",
            "ADMIN_TOKEN_SECRET",
            "ENVIRONMENT",
            "ORDERS_STREAM_ARN",
            "SWEEP_FUNCTION_NAME",
            "TABLE_PREFIX",
            "USE_MOCK_EXCHANGE",
        }
        assert variables["ORDERS_STREAM_ARN"] == found["table trading-bot-dev-orders"]["stream"]
        assert variables["SWEEP_FUNCTION_NAME"] == "trading-bot-dev-sweep"
        assert [layer["Arn"].split(":")[-2] for layer in entry["Layers"]] == ["trading-bot-dev-managed-layer"]
        assert entry["TracingConfig"]["Mode"] == "PassThrough"
    assert of_kind(found, "log group") == {f"/aws/lambda/{name}": 30 for name in functions}


def _assert_delivery(found: dict[str, Any]) -> None:
    """Exactly what event_sources.yaml says, one mapping a function; schedules each minute, without retries."""
    mappings = {entry["FunctionArn"].rpartition("-")[2]: entry for entry in of_kind(found, "mapping").values()}
    queue = next(iter(of_kind(found, "queue").values()))["QueueArn"]
    assert len(of_kind(found, "mapping")) == 2
    for name, wanted in load_mappings().items():
        given = mappings[name]
        assert given["EventSourceArn"] == found["table trading-bot-dev-orders"]["stream"]
        assert given["StartingPosition"] == wanted.starting_position
        assert given["BatchSize"] == wanted.batch_size
        assert given["ParallelizationFactor"] == wanted.parallelization_factor
        assert given["MaximumRetryAttempts"] == wanted.maximum_retry_attempts
        assert given["MaximumRecordAgeInSeconds"] == wanted.maximum_record_age_seconds
        assert given["BisectBatchOnFunctionError"] is True
        assert given["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert given["FilterCriteria"] == {"Filters": [{"Pattern": wanted.filter}]}
        assert given["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
        assert given["State"] == "Enabled"
    rules = of_kind(found, "rule")
    for name in ("sweep", "reconcile"):
        rule = rules[f"trading-bot-dev-{name}-event"]
        function = found[f"function trading-bot-dev-{name}"]
        assert rule == {"schedule": "rate(1 minute)", "state": "ENABLED", "targets": [function["FunctionArn"]]}
        assert function["Async"]["MaximumRetryAttempts"] == 0
        assert function["Async"]["MaximumEventAgeInSeconds"] == 60


def _assert_api(api: dict[str, Any]) -> None:
    policy = json.loads(api["policy"])["Statement"]
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert api["minimumCompressionSize"] == 1000
    assert api["stages"] == ["api"]
    assert api["paths"]["/api/v1/webhook"] == ["POST"]
    by_path = {statement["Resource"]: statement for statement in policy if statement["Effect"] == "Allow"}
    assert "Condition" not in by_path["execute-api:/api/GET/ping"]
    webhook = by_path["execute-api:/api/POST/api/v1/webhook"]
    assert webhook["Condition"] == {"IpAddress": {"aws:SourceIp": list(TRADINGVIEW)}}
    assert by_path["execute-api:/api/*"]["Condition"] == {"IpAddress": {"aws:SourceIp": ["203.0.113.7/32"]}}


def _assert_data(found: dict[str, Any]) -> None:
    tables = of_kind(found, "table")
    for wanted in table_properties("trading-bot-dev").values():
        table = tables.pop(wanted["TableName"])
        assert table["keys"] == wanted["KeySchema"]
        assert table["indexes"] == {index["IndexName"] for index in wanted.get("GlobalSecondaryIndexes", ())}
        assert table["billing"] == "PAY_PER_REQUEST"
        assert table["ttl"] == wanted.get("TimeToLiveSpecification", {}).get("AttributeName")
        assert table["backups"] == "ENABLED"
        assert table["protected"] is False
    assert tables == {}
    assert of_kind(found, "secret").keys() == {"trading-bot-dev/admin-token"}
    assert len(found["secret trading-bot-dev/admin-token"]) == 48


def _assert_watched(found: dict[str, Any]) -> None:
    topics = of_kind(found, "topic")
    topic = "arn:aws:sns:us-east-1:123456789012:trading-bot-dev-alarms"
    assert topics == {topic: [("email", "operator@example.com")]}
    alarms = of_kind(found, "alarm")
    assert alarms.keys() == {f"trading-bot-dev-{name}" for name in ALARMS}
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [topic]
    widgets = found["dashboard trading-bot-dev"]["widgets"]
    shown = next(widget for widget in widgets if widget["type"] == "alarm")["properties"]["alarms"]
    assert sorted(shown) == sorted(alarm["AlarmArn"] for alarm in alarms.values())


def test_deploying_again_changes_nothing_and_says_so(desk: DeploymentDesk) -> None:
    desk.deploy()
    before = everything(desk)

    again = desk.deploy()

    assert again.said.rstrip().endswith("nothing had to be changed")
    assert changed(before, everything(desk)) == set()


def test_a_changed_setting_changes_only_what_it_is_about(desk: DeploymentDesk) -> None:
    desk.deploy()
    before = everything(desk)

    done = desk.deploy(MAX_CANCEL_RETRIES="7")

    after = everything(desk)
    assert "set on the functions: MAX_CANCEL_RETRIES" in done.said
    assert changed(before, after) == {f"function {name}" for name in FUNCTIONS}
    for name in FUNCTIONS:
        entry = after[f"function {name}"]
        assert entry["Environment"]["Variables"].pop("MAX_CANCEL_RETRIES") == "7"
        assert entry == before[f"function {name}"]


@pytest.mark.parametrize(
    ("settings", "affected"),
    [
        ({"ALARM_EMAIL": "operator@example.com"}, {"topic arn:aws:sns:us-east-1:123456789012:trading-bot-dev-alarms"}),
    ],
)
def test_a_setting_of_the_stack_leaves_the_functions_alone(
    desk: DeploymentDesk, settings: dict[str, str], affected: set[str]
) -> None:
    desk.deploy()
    before = everything(desk)

    done = desk.deploy(**settings)

    assert "chalice deploy" not in done.said
    assert changed(before, everything(desk)) == affected


def test_a_fresh_checkout_updates_the_same_api_and_the_same_mappings(desk: DeploymentDesk, tmp_path: Path) -> None:
    """Another machine, with other people's addresses in the resource policy: nothing is made twice."""
    desk.deploy()
    before = everything(desk)
    elsewhere = DeploymentDesk(desk.cloud, check_out(tmp_path / "elsewhere", desk.checkout / BUILT))

    unchanged = elsewhere.deploy()
    done = elsewhere.deploy(ADMIN_CIDRS="203.0.113.0/24")

    after = everything(elsewhere)
    assert unchanged.said.rstrip().endswith("nothing had to be changed")
    assert "Updating rest API" in done.said
    assert of_kind(after, "api").keys() == of_kind(before, "api").keys()
    assert of_kind(after, "mapping") == of_kind(before, "mapping")
    assert before.keys() == after.keys()
    assert "203.0.113.0/24" in next(iter(of_kind(after, "api").values()))["policy"]


def test_changed_code_reaches_every_function(desk: DeploymentDesk) -> None:
    desk.deploy()
    before = of_kind(everything(desk), "function")
    source = desk.checkout / "chalicelib" / "handlers.py"
    source.write_text(source.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")

    done = desk.deploy()

    after = of_kind(everything(desk), "function")
    assert done.said.rstrip().endswith("done")
    assert all(after[name]["CodeSha256"] != before[name]["CodeSha256"] for name in FUNCTIONS)
    assert desk.deploy().said.rstrip().endswith("nothing had to be changed")


def test_what_lies_about_in_the_checkout_is_not_deployed(desk: DeploymentDesk) -> None:
    for name in (".env", "__pycache__/x.pyc", "notes.py~", ".secret.py"):
        path = desk.checkout / "chalicelib" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("ADMIN_TOKEN=secret", encoding="utf-8")
    shutil.copytree(desk.checkout / "chalicelib", desk.checkout / "scratch")

    desk.deploy()

    names = _zip_names(desk.cloud.function_package("trading-bot-dev"))
    assert {name.partition("/")[0] for name in names} == {"__pycache__", "app.py", "chalice", "chalicelib"}
    assert not [name for name in names if name.endswith(("x.pyc", "~")) or "/." in name]


def _zip_names(data: bytes) -> list[str]:
    import io
    import zipfile

    return zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_a_stage_that_is_destroyed_leaves_nothing(desk: DeploymentDesk) -> None:
    desk.deploy()
    manager = desk.client("secretsmanager")
    manager.create_secret(Name="trading-bot-dev/accounts/main", SecretString="{}")
    manager.create_secret(Name="trading-bot-devel/accounts/main", SecretString="not ours")

    done = desk.destroy()

    assert "trading-bot-dev is gone" in done.said
    assert everything(desk).keys() == {"secret trading-bot-devel/accounts/main"}
    desk.destroy()


def test_a_stage_can_be_deployed_again_after_it_was_destroyed(desk: DeploymentDesk) -> None:
    desk.deploy()
    before = everything(desk)
    desk.destroy()

    desk.deploy()

    kinds = sorted(name.partition(" ")[0] for name in everything(desk))
    assert kinds == sorted(name.partition(" ")[0] for name in before)
