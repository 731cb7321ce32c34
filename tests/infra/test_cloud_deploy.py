"""`chalice deploy` and `chalice delete` against the cloud on this machine, with a small app that has one of each."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import Cloud, serve_cloud
from tests.infra.dynamodb_requests import client_of

APP = Path(__file__).parent / "cloud_app"
WHEEL = {
    "tiny.py": "ANSWER = 42\n",
    "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: own\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.0.dist-info/RECORD": "tiny.py,,\n",
}


@dataclass(frozen=True)
class Deployed:
    """An app in its folder, deployed twice."""

    cloud: Cloud
    folder: Path
    environment: dict[str, str]

    def chalice(self, *arguments: str) -> str:
        done = subprocess.run(
            [Path(sys.executable).parent / "chalice", "--project-dir", self.folder, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self, service: str) -> Any:
        return client_of(self.cloud.url, service)

    def api(self) -> Any:
        (api,) = self.client("apigateway").get_rest_apis()["items"]
        return api


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder, wheels = tmp_path_factory.mktemp("app") / "app", tmp_path_factory.mktemp("wheels")
    shutil.copytree(APP, folder)
    with zipfile.ZipFile(wheels / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in WHEEL.items():
            wheel.writestr(name, text)
    with serve_cloud(record=True) as cloud:
        cloud.reset()
        table = client_of(cloud.url, "dynamodb").create_table(
            TableName="small",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )["TableDescription"]
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ACCESS_KEY_ID": "deployer",
            "STREAM_ARN": table["LatestStreamArn"],
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
        }
        made = Deployed(cloud, folder, environment)
        made.chalice("deploy", "--stage", "dev")
        made.chalice("deploy", "--stage", "dev")
        yield made
        cloud.reset()


def test_functions_are_active_and_as_configured(deployed: Deployed) -> None:
    """One each, with its own role, its time and memory, and the layer that was uploaded last."""
    functions = {one["FunctionName"]: one for one in deployed.client("lambda").list_functions()["Functions"]}

    follow = functions["small-dev-follow"]
    assert set(functions) == {"small-dev", "small-dev-follow", "small-dev-tick"}
    assert {one["State"] for one in functions.values()} == {"Active"}
    assert {one["LastUpdateStatus"] for one in functions.values()} == {"Successful"}
    assert (follow["Handler"], follow["Timeout"], follow["MemorySize"]) == ("app.follow", 30, 512)
    assert follow["Role"] == "arn:aws:iam::123456789012:role/small-dev-follow"
    assert follow["Environment"]["Variables"] == {"COLOUR": "green"}
    assert [one["Arn"].rpartition(":")[2] for one in follow["Layers"]] == ["2"]


def test_tags_concurrency_and_policies_are_set(deployed: Deployed) -> None:
    """Each function has the policy of its own file, and no other."""
    client, iam = deployed.client("lambda"), deployed.client("iam")

    tags = client.list_tags(
        Resource=client.get_function(FunctionName="small-dev-follow")["Configuration"]["FunctionArn"]
    )
    reserved = client.get_function_concurrency(FunctionName="small-dev-follow")["ReservedConcurrentExecutions"]
    names = iam.list_role_policies(RoleName="small-dev-follow")["PolicyNames"]
    policy = iam.get_role_policy(RoleName="small-dev-follow", PolicyName=names[0])["PolicyDocument"]

    assert tags["Tags"]["owner"] == "nobody"
    assert reserved == 2
    assert len(names) == 1
    assert policy == json.loads((APP / ".chalice" / "policy-follow.json").read_text())


def test_the_api_has_its_policy_its_routes_and_its_stage(deployed: Deployed) -> None:
    """One API, however often it is deployed."""
    client, api = deployed.client("apigateway"), deployed.api()

    resources = client.get_resources(restApiId=api["id"], embed=["methods"])["items"]
    uris = {
        (one["path"], method): held["methodIntegration"]["uri"]
        for one in resources
        for method, held in one.get("resourceMethods", {}).items()
    }

    assert json.loads(api["policy"]) == json.loads((APP / ".chalice" / "api-policy.json").read_text())
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert api["minimumCompressionSize"] == 1024
    assert set(uris) == {("/", "GET"), ("/items/{item_id}", "GET"), ("/items/{item_id}", "PUT")}
    assert all(uri.endswith(":function:small-dev/invocations") for uri in uris.values())
    assert [one["stageName"] for one in client.get_stages(restApiId=api["id"])["item"]] == ["api"]


def test_stream_schedule_and_logs_are_connected(deployed: Deployed) -> None:
    """One mapping, one rule with its target, and groups whose lines end."""
    (mapping,) = deployed.client("lambda").list_event_source_mappings(FunctionName="small-dev-follow")[
        "EventSourceMappings"
    ]
    (rule,) = deployed.client("events").list_rules()["Rules"]
    (target,) = deployed.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    groups = deployed.client("logs").describe_log_groups()["logGroups"]

    assert mapping["EventSourceArn"] == deployed.environment["STREAM_ARN"]
    assert (mapping["BatchSize"], mapping["StartingPosition"]) == (7, "TRIM_HORIZON")
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert target["Arn"].endswith(":function:small-dev-tick")
    assert {one["retentionInDays"] for one in groups} == {30}


def test_packages_come_back_as_they_were_uploaded(deployed: Deployed) -> None:
    """The code and the layer, byte for byte."""
    held = deployed.client("lambda").get_function(FunctionName="small-dev")["Configuration"]

    code = deployed.cloud.function_package("small-dev")
    layer = deployed.cloud.layer_package(held["Layers"][0]["Arn"])

    assert b64encode(hashlib.sha256(code).digest()).decode() == held["CodeSha256"]
    assert {"app.py", "chalice/app.py"} <= set(zipfile.ZipFile(io.BytesIO(code)).namelist())
    assert "python/lib/python3.11/site-packages/tiny.py" in names_of(layer)


def test_the_calls_of_the_deployment_are_recorded(deployed: Deployed) -> None:
    """Under the key that made them, with the names of the actions and their parameters."""
    calls = [one for one in deployed.cloud.calls() if one.access_key_id == "deployer"]

    actions = [(one.service, one.action) for one in calls]
    roles = {one.parameters["RoleName"] for one in calls if one.action == "CreateRole"}
    assert actions.count(("apigateway", "ImportRestApi")) == 1
    assert actions.count(("apigateway", "PutRestApi")) == 1
    assert actions.count(("lambda", "CreateEventSourceMapping")) == 1
    assert ("lambda", "GetLayerVersionByArn") in actions
    assert roles == {"small-dev-follow", "small-dev-tick", "small-dev-api_handler"}


def test_writes_to_the_table_start_no_container(deployed: Deployed) -> None:
    """A function reads its stream; nobody runs functions here."""
    dynamodb = deployed.client("dynamodb")

    dynamodb.put_item(TableName="small", Item={"id": {"S": "x"}})

    assert dynamodb.scan(TableName="small")["Count"] == 1


def test_delete_takes_it_down(deployed: Deployed) -> None:
    """All of it, but the log groups, which Chalice leaves. Last in this module."""
    deployed.chalice("delete", "--stage", "dev")

    client = deployed.client("lambda")
    left = [
        client.list_functions()["Functions"],
        client.list_layers()["Layers"],
        client.list_event_source_mappings()["EventSourceMappings"],
        deployed.client("apigateway").get_rest_apis()["items"],
        deployed.client("events").list_rules()["Rules"],
        deployed.client("iam").list_roles()["Roles"],
    ]
    assert left == [[], [], [], [], [], []]


def names_of(package: bytes) -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(package)).namelist())
