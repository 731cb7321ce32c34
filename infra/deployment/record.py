"""Chalice's record of what is deployed, read back from AWS.

Chalice writes the record into a file of the checkout, at the end of a deployment that succeeded. A fresh checkout
has no such file, and after a deployment that broke off it is wrong: then Chalice makes a second API, and second
event source mappings that send every record twice. AWS itself knows what is there.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.aws import Aws
from infra.deployment.errors import DeploymentError
from infra.deployment.policies import Names, function_names

Resource = dict[str, Any]

SCHEDULED = ("sweep", "reconcile")
"""The functions that EventBridge calls every minute."""


@dataclass(frozen=True)
class Deployed:
    """What one stage has in AWS beside its stack."""

    functions: dict[str, dict[str, Any]]
    """Configurations by the name in app.py, `api_handler` and so on."""
    mappings: dict[str, list[dict[str, Any]]]
    """Event source mappings of each function; more than one is a mistake."""
    roles: dict[str, str]
    """ARN of each function's role."""
    rules: tuple[str, ...]
    layer: str | None
    rest_api: str | None

    def __bool__(self) -> bool:
        return bool(self.functions or self.roles or self.rules or self.layer or self.rest_api)

    def record(self, aws: Aws, names: Names, api_stage: str) -> dict[str, Any]:
        """In the form of Chalice's own file, in the order in which it deploys."""
        return {"resources": list(self._resources(aws, names, api_stage)), "schema_version": "2.0", "backend": "api"}

    def _resources(self, aws: Aws, names: Names, api_stage: str) -> Iterator[Resource]:
        if self.layer:
            yield _resource("managed-layer", "lambda_layer", layer_version_arn=self.layer)
        for name, arn in self.roles.items():
            yield _resource(f"{name}_role", "iam_role", role_name=arn.rpartition("/")[2], role_arn=arn)
        for name, function in self.functions.items():
            yield _resource(name, "lambda_function", lambda_arn=function["FunctionArn"])
        for name, mappings in self.mappings.items():
            for mapping in mappings[:1]:
                yield _resource(
                    f"{name}-dynamodb-event-source",
                    "dynamodb_event",
                    stream_arn=mapping["EventSourceArn"],
                    event_uuid=mapping["UUID"],
                    lambda_arn=mapping["FunctionArn"],
                )
        for rule in self.rules:  # named like their resources
            short = rule.removeprefix(f"{names.function_prefix}-")
            yield _resource(short, "cloudwatch_event", rule_name=rule)
        if self.rest_api:
            host = f"{self.rest_api}.execute-api.{aws.region}.{_suffix(aws)}"
            url = f"https://{host}/{api_stage}/"
            yield _resource("rest_api", "rest_api", rest_api_id=self.rest_api, rest_api_url=url)


def find_deployed(aws: Aws, names: Names, app_name: str) -> Deployed:
    """Look at everything that belongs to the stage, by the names that Chalice gives."""
    functions = {_short(found["FunctionName"], names): found for found in _functions(aws, names)}
    return Deployed(
        functions=functions,
        mappings={name: found for name in functions if (found := _mappings(aws, names.function(name)))},
        roles=_roles(aws, names, functions),
        rules=tuple(_rules(aws, names)),
        layer=_layer(aws, names, functions),
        rest_api=_rest_api(aws, names, app_name),
    )


def _resource(name: str, kind: str, **values: str) -> Resource:
    return {"name": name, "resource_type": kind, **values}


def _short(function_name: str, names: Names) -> str:
    return function_name.removeprefix(names.function_prefix).removeprefix("-") or "api_handler"


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, ())


def _functions(aws: Aws, names: Names) -> list[dict[str, Any]]:
    """By their exact names: what else begins like them is somebody else's."""
    ours = {names.function(name) for name in function_names()}
    found = _pages(aws.client("lambda"), "list_functions", "Functions")
    return [function for function in found if function["FunctionName"] in ours]


def _mappings(aws: Aws, function_name: str) -> list[dict[str, Any]]:
    """The one that was made first comes first; those that are being deleted are gone."""
    client = aws.client("lambda")
    found = _pages(client, "list_event_source_mappings", "EventSourceMappings", FunctionName=function_name)
    kept = [mapping for mapping in found if mapping.get("State") != "Deleting"]
    return sorted(kept, key=lambda mapping: (str(mapping.get("LastModified")), mapping["UUID"]))


def _roles(aws: Aws, names: Names, functions: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Of the functions that are there, and of those whose creation broke off before.

    Roles belong to no region, and a stage to one: raises DeploymentError where they are another region's.
    """
    client, found = aws.client("iam"), {}
    for name in function_names():
        role = names.role(name)
        try:
            found[name] = str(client.get_role(RoleName=role)["Role"]["Arn"])
            policy = json.dumps(client.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"])
        except client.exceptions.NoSuchEntityException:
            continue
        regions = set(re.findall(r":dynamodb:([a-z0-9-]+):", policy)) - {aws.region}
        if regions and name not in functions:
            raise DeploymentError(
                f"{names.function_prefix} is deployed in {', '.join(sorted(regions))}: set AWS_REGION to that. A stage "
                "lives in one region of an account, for its roles have no region; nothing was done"
            )
    return found


def _rules(aws: Aws, names: Names) -> list[str]:
    ours = {names.rule(name) for name in SCHEDULED}
    found = _pages(aws.client("events"), "list_rules", "Rules", NamePrefix=f"{names.function_prefix}-")
    return [rule["Name"] for rule in found if rule["Name"] in ours]


def _layer(aws: Aws, names: Names, functions: dict[str, dict[str, Any]]) -> str | None:
    """The version that the functions use; the newest where they use none yet."""
    for function in functions.values():
        for layer in function.get("Layers", ()):
            if layer["Arn"].split(":")[-2] == names.layer:
                return str(layer["Arn"])
    versions = list(_pages(aws.client("lambda"), "list_layer_versions", "LayerVersions", LayerName=names.layer))
    newest = max(versions, key=lambda version: int(version["Version"]), default=None)
    return str(newest["LayerVersionArn"]) if newest else None


def _rest_api(aws: Aws, names: Names, app_name: str) -> str | None:
    """All stages' APIs have the app's name; ours is the one whose root calls our function."""
    client = aws.client("apigateway")
    found = [api for api in _pages(client, "get_rest_apis", "items") if api["name"] == app_name]
    ours = [api for api in found if _calls(client, api["id"], names.function_prefix)]
    oldest = min(ours, key=lambda api: str(api.get("createdDate")), default=None)
    return str(oldest["id"]) if oldest else None


def _calls(client: Any, api_id: str, function_name: str) -> bool:
    for resource in _pages(client, "get_resources", "items", restApiId=api_id):
        if resource["path"] == "/ping":
            try:
                found = client.get_integration(restApiId=api_id, resourceId=resource["id"], httpMethod="GET")
            except ClientError:
                return False
            return f":function:{function_name}/" in str(found.get("uri"))
    return False


def _suffix(aws: Aws) -> str:
    return "amazonaws.com.cn" if aws.partition == "aws-cn" else "amazonaws.com"
