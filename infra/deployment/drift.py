"""What somebody, or something, has changed of a finished deployment since."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.aws import Aws
from infra.deployment.policies import Names
from infra.deployment.project import Project
from infra.deployment.record import SCHEDULED, Deployed
from infra.deployment.settings import function_settings


def drift(aws: Aws, deployed: Deployed, names: Names, project: Project) -> Iterator[str]:
    """Each difference in words; another run of Chalice mends them all. `deployed` is complete, as is_current saw."""
    for function, wanted in function_settings().items():
        found = deployed.functions[function]
        given = {"lambda_memory_size": found["MemorySize"], "lambda_timeout": found["Timeout"]}
        given["reserved_concurrency"] = _concurrency(aws, names.function(function))
        for name, value in given.items():
            if value != wanted[name]:
                yield f"{name} of {function} is {value}"
        if _role_policy(aws, names.role(function)) != project.policy(function):
            yield f"the role of {function} has another policy"
    for function in SCHEDULED:
        yield from _schedule(aws, deployed, names, function)


def _concurrency(aws: Aws, function: str) -> int | None:
    found = aws.client("lambda").get_function_concurrency(FunctionName=function)
    reserved: int | None = found.get("ReservedConcurrentExecutions")
    return reserved


def _role_policy(aws: Aws, role: str) -> Any:
    try:
        return aws.client("iam").get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]
    except aws.client("iam").exceptions.NoSuchEntityException:
        return None


def _schedule(aws: Aws, deployed: Deployed, names: Names, function: str) -> Iterator[str]:
    rule = names.rule(function)
    client = aws.client("events")
    if client.describe_rule(Name=rule)["State"] != "ENABLED":
        yield f"the rule {rule} is disabled"
    targets = [target["Arn"] for target in client.list_targets_by_rule(Rule=rule)["Targets"]]
    if deployed.functions[function]["FunctionArn"] not in targets:
        yield f"the rule {rule} does not call {function}"
    if not _may_be_called(aws, names.function(function), rule):
        yield f"{function} may not be called by the rule {rule}"


def _may_be_called(aws: Aws, function: str, rule: str) -> bool:
    try:
        policy = json.loads(aws.client("lambda").get_policy(FunctionName=function)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return False
    return any(json.dumps(statement).find(f"rule/{rule}") >= 0 for statement in policy["Statement"])
