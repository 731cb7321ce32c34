"""CI's role may do what the commands really do."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from infra.local.cloud_calls import Call
from tests.deployment.desk import DeploymentDesk
from tests.infra.iam import as_list
from tests.infra.test_ci_role import parameters, statements

_VERBS = {"Get": "GET", "Create": "POST", "Import": "POST", "Put": "PUT", "Update": "PATCH", "Delete": "DELETE"}
_OTHER_NAMES = {"lambda:GetLayerVersionByArn": "lambda:GetLayerVersion"}
_A_PERSON_S = {"dynamodb:Query", "dynamodb:BatchGetItem"}
"""The look for live orders: CI may read no rows, and says --abandon-orders."""
_ONLY_ON_AWS = {"lambda:InvokeFunction", "iam:PassRole"}
"""The look at /health, and what CreateFunction needs besides."""


def rights_of(call: Call) -> Iterator[str]:
    """The IAM actions behind a call; those of API Gateway are HTTP's verbs."""
    if call.service == "apigateway":
        yield "apigateway:" + next(verb for start, verb in _VERBS.items() if call.action.startswith(start))
        return
    name = f"{call.service}:{call.action}"
    yield _OTHER_NAMES.get(name, name)


def test_a_stage_is_deployed_changed_and_destroyed_with_ci_s_rights(desk: DeploymentDesk) -> None:
    """Each action that was called is one that the role has; on which resources, its own tests say."""
    desk.deploy()
    desk.deploy(MAX_ALERT_AGE="61")
    desk.deploy(MAX_ALERT_AGE="61", ADMIN_CIDRS="203.0.113.7", STATIC_EGRESS="true", TRACING="true")
    functions = desk.client("lambda").list_functions()["Functions"]
    desk.destroy()

    called = {
        right for call in desk.cloud.calls() if call.access_key_id == "DEPLOYER" for right in rights_of(call)
    } | _ONLY_ON_AWS
    role = statements(parameters("dev", static_egress=True))
    granted = [action for statement in role for action in as_list(statement["Action"])]

    missing = {right for right in called if not any(fnmatchcase(right, action) for action in granted)}
    assert all(function["TracingConfig"]["Mode"] == "Active" for function in functions)
    assert all(function["VpcConfig"]["SubnetIds"] for function in functions)
    assert len(called) > 40
    assert missing <= _A_PERSON_S | {"sts:GetCallerIdentity"}  # which needs no right
