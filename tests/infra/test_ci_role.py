"""The role that CI deploys with: who gets it, what it may do, and what it may not."""

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.iam import as_list, is_allowed

TEMPLATE = Path(__file__).parents[2] / "infra" / "ci_role.yaml"
ROLE: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text("utf-8"))

ACCOUNT = "111122223333"
REGION = "ap-northeast-2"
HERE = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}

INLINE, MANAGED = "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"

WITHOUT_ARN = {
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "events:ListRules",
    "lambda:CreateEventSourceMapping",
    "lambda:GetAccountSettings",
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctions",
    "lambda:ListLayerVersions",
    "logs:DescribeLogGroups",
    "secretsmanager:GetRandomPassword",
    "secretsmanager:ListSecrets",
}
"""The rights for which AWS has nothing but a star."""


def parameters(stage: str = "dev", *, static_egress: bool = False) -> dict[str, str]:
    return {
        **HERE,
        "Stage": stage,
        "Repository": "octocat@1/trading-bot@2",
        "TablePrefix": f"trading-bot-{stage}",
        "Provider": "exists",
        "StaticEgress": str(static_egress).lower(),
    }


def resolved(node: Any, given: dict[str, str]) -> Any:
    """A part of the template with its intrinsic functions carried out."""
    match node:
        case {"Ref": name} if name in given:
            return given[name]
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", lambda name: given[name[1]], text)
        case {"Fn::If": [condition, then, otherwise]}:
            return resolved(then if holds(condition, given) else otherwise, given)
        case dict():
            return {key: resolved(part, given) for key, part in node.items()}
        case list():
            return [resolved(part, given) for part in node]
        case _:
            return node


def holds(condition: str, given: dict[str, str]) -> bool:
    left, right = resolved(ROLE["Conditions"][condition]["Fn::Equals"], given)
    return bool(left == right)


def statements(given: dict[str, str], *kinds: str) -> Iterator[dict[str, Any]]:
    """Of all policies that the role has with these parameters, or of those kinds of them."""
    for resource in ROLE["Resources"].values():
        exists = "Condition" not in resource or holds(resource["Condition"], given)
        if exists and resource["Type"] in (kinds or (INLINE, MANAGED)):
            yield from resolved(resource["Properties"]["PolicyDocument"], given)["Statement"]


def may(given: dict[str, str], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """As IAM decides. `context`: the condition keys that the call carries."""
    met = [
        {part: text for part, text in statement.items() if part != "Condition"}
        for statement in statements(given)
        if is_met(statement.get("Condition", {}), context)
    ]
    return is_allowed({"Statement": met}, action, resource)


def is_met(condition: dict[str, dict[str, Any]], context: Mapping[str, str]) -> bool:
    """Of the operators that the role uses, which compare with texts or patterns of them; a key that is absent fails."""
    assert condition.keys() <= {"StringEquals", "StringLike", "ArnLike"}
    return all(
        any(fnmatchcase(context.get(key, ""), pattern) for pattern in as_list(wanted))
        for operator in condition.values()
        for key, wanted in operator.items()
    )


def arn(service: str, resource: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


FUNCTION = arn("lambda", "function:trading-bot-dev-sweep")
API_FUNCTION = arn("lambda", "function:trading-bot-dev")
MAPPING = arn("lambda", "event-source-mapping:4c5bb6d3")
ROLE_OF_A_FUNCTION = arn("iam", "role/trading-bot-dev-sweep", region="")
STACK = arn("cloudformation", "stack/trading-bot-dev/0e5c")
TABLE = arn("dynamodb", "table/trading-bot-dev-orders")
TOKEN = arn("secretsmanager", "secret:trading-bot-dev/admin-token-AbCdEf")
KEY = arn("secretsmanager", "secret:trading-bot-dev/accounts/upbit-1-AbCdEf")
API = "arn:aws:apigateway:ap-northeast-2::/restapis/a1b2c3"

DEPLOYMENT = [
    ("cloudformation:ExecuteChangeSet", STACK, {}),
    ("dynamodb:UpdateTable", TABLE, {}),
    ("secretsmanager:CreateSecret", TOKEN, {}),
    ("secretsmanager:GetRandomPassword", "*", {}),
    ("sqs:CreateQueue", arn("sqs", "trading-bot-dev-DeadLetters-XYZ"), {}),
    ("sns:Subscribe", arn("sns", "trading-bot-dev-alarms"), {}),
    ("cloudwatch:PutMetricAlarm", arn("cloudwatch", "alarm:trading-bot-dev-orphans"), {}),
    ("cloudwatch:PutDashboard", arn("cloudwatch", "dashboard/trading-bot-dev", region=""), {}),
    ("lambda:CreateFunction", FUNCTION, {}),
    ("lambda:UpdateFunctionCode", API_FUNCTION, {}),
    ("lambda:InvokeFunction", API_FUNCTION, {}),
    ("lambda:AddPermission", API_FUNCTION, {"lambda:Principal": "apigateway.amazonaws.com"}),
    ("lambda:PublishLayerVersion", arn("lambda", "layer:trading-bot-dev-managed-layer"), {}),
    ("lambda:GetLayerVersion", arn("lambda", "layer:trading-bot-dev-managed-layer:3"), {}),
    ("lambda:CreateEventSourceMapping", "*", {"lambda:FunctionArn": FUNCTION}),
    ("lambda:UpdateEventSourceMapping", MAPPING, {"lambda:FunctionArn": FUNCTION}),
    ("iam:PutRolePolicy", ROLE_OF_A_FUNCTION, {}),
    ("iam:PassRole", ROLE_OF_A_FUNCTION, {"iam:PassedToService": "lambda.amazonaws.com"}),
    ("events:PutTargets", arn("events", "rule/trading-bot-dev-sweep-event"), {}),
    ("logs:PutRetentionPolicy", arn("logs", "log-group:/aws/lambda/trading-bot-dev"), {}),
    ("apigateway:POST", "arn:aws:apigateway:ap-northeast-2::/restapis", {}),
    ("apigateway:POST", f"{API}/deployments", {}),
    ("apigateway:UpdateRestApiPolicy", API, {}),
]

DESTRUCTION = [
    ("cloudformation:DeleteStack", STACK, {}),
    ("dynamodb:DeleteTable", TABLE, {}),
    ("secretsmanager:DeleteSecret", TOKEN, {}),
    ("secretsmanager:DeleteSecret", KEY, {}),
    ("secretsmanager:ListSecrets", "*", {}),
    ("apigateway:DELETE", API, {}),
    ("logs:DeleteLogGroup", arn("logs", "log-group:/aws/lambda/trading-bot-dev-sweep"), {}),
]

FORBIDDEN = [
    *[(f"dynamodb:{action}", TABLE, {}) for action in ("GetItem", "PutItem", "Query", "Scan", "DeleteItem")],
    *[("secretsmanager:GetSecretValue", secret, {}) for secret in (TOKEN, KEY)],
    ("secretsmanager:PutSecretValue", TOKEN, {}),
    ("secretsmanager:UpdateSecret", KEY, {}),
    ("lambda:InvokeFunction", FUNCTION, {}),
    ("lambda:AddPermission", API_FUNCTION, {"lambda:Principal": "444455556666"}),
    ("lambda:AddPermission", API_FUNCTION, {}),
    ("lambda:UpdateFunctionCode", arn("lambda", "function:trading-bot-developer"), {}),
    ("lambda:UpdateEventSourceMapping", MAPPING, {"lambda:FunctionArn": arn("lambda", "function:another")}),
    ("lambda:CreateEventSourceMapping", "*", {}),
    ("iam:PassRole", ROLE_OF_A_FUNCTION, {"iam:PassedToService": "ec2.amazonaws.com"}),
    ("iam:PassRole", arn("iam", "role/Admin", region=""), {"iam:PassedToService": "lambda.amazonaws.com"}),
    ("iam:PutRolePolicy", arn("iam", "role/trading-bot-ci-dev", region=""), {}),
    ("iam:UpdateAssumeRolePolicy", arn("iam", "role/trading-bot-ci-dev", region=""), {}),
    ("iam:AttachRolePolicy", ROLE_OF_A_FUNCTION, {}),
    ("iam:CreateUser", arn("iam", "user/trading-bot-dev", region=""), {}),
    ("apigateway:POST", "arn:aws:apigateway:ap-northeast-2::/domainnames", {}),
    ("ec2:CreateVpc", arn("ec2", "vpc/vpc-1"), {}),
]


def title(case: Any) -> str | None:
    return case if isinstance(case, str) else None


@pytest.mark.parametrize(("action", "resource", "context"), [*DEPLOYMENT, *DESTRUCTION], ids=title)
def test_the_role_may_deploy_and_destroy_dev(action: str, resource: str, context: dict[str, str]) -> None:
    """One call of each kind that the two commands make."""
    assert may(parameters("dev"), action, resource, context)


@pytest.mark.parametrize(("action", "resource", "context"), FORBIDDEN, ids=title)
def test_the_role_may_do_nothing_else(action: str, resource: str, context: dict[str, str]) -> None:
    """No data, no secret's value, no way to more rights for itself."""
    assert not may(parameters("dev"), action, resource, context)


@pytest.mark.parametrize(("action", "resource", "context"), DESTRUCTION, ids=title)
def test_the_role_of_prod_destroys_nothing(action: str, resource: str, context: dict[str, str]) -> None:
    """A person does that, with rights of his own."""
    assert not may(parameters("prod"), action, resource.replace("-dev", "-prod"), context)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [call for call in [*DEPLOYMENT, *DESTRUCTION] if "dev" in f"{call[1]}{call[2]}"],
    ids=title,
)
def test_the_role_of_one_stage_does_not_touch_the_other(action: str, resource: str, context: dict[str, str]) -> None:
    """Wherever AWS lets a name be said."""
    assert not may(parameters("prod"), action, resource, context)


def test_the_static_egress_is_built_and_its_address_never_released() -> None:
    """Only where the stage has one, and only under its own name."""
    subnet = arn("ec2", "subnet/subnet-1")
    own = {"aws:ResourceTag/Name": "trading-bot-dev-egress-private-a"}
    given = parameters("dev", static_egress=True)

    assert may(given, "ec2:CreateSubnet", subnet, {})
    assert may(given, "ec2:DeleteSubnet", subnet, own)
    assert may(given, "cloudformation:CreateChangeSet", STACK.replace("-dev/", "-dev-egress/"), {})
    assert not may(given, "ec2:DeleteSubnet", subnet, {})
    assert not may(given, "ec2:DeleteSubnet", subnet, {"aws:ResourceTag/Name": "office"})
    assert not may(given, "ec2:ReleaseAddress", arn("ec2", "elastic-ip/eipalloc-1"), own)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_only_that_environment_of_that_repository_gets_the_role(stage: str) -> None:
    """Compared as a whole: a pattern would let in what only looks alike."""
    given = parameters(stage)

    (trust,) = resolved(ROLE["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"], given)["Statement"]

    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Principal"]["Federated"] == arn("iam", "oidc-provider/token.actions.githubusercontent.com", region="")
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": f"repo:octocat@1/trading-bot@2:environment:{stage}",
        }
    }


def test_every_right_is_named_in_full() -> None:
    """No star in an action, and nothing by exclusion."""
    found = list(statements(parameters(static_egress=True)))

    assert {statement["Effect"] for statement in found} == {"Allow"}
    assert not [action for statement in found for action in as_list(statement["Action"]) if "*" in action]
    assert all({"Action", "Resource"} <= statement.keys() for statement in found)


def test_a_star_stands_only_where_aws_has_no_arn() -> None:
    """By the list above, which AWS's own list of actions confirms."""
    from cfnlint.data import AdditionalSpecs
    from cfnlint.helpers import load_resource

    actions = load_resource(AdditionalSpecs, "Policies.json")

    starred = {
        action
        for statement in statements(parameters(static_egress=True))
        if "*" in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }

    assert starred == WITHOUT_ARN
    for action in starred:
        service, _, name = action.partition(":")
        assert not actions[service]["Actions"][name.lower()].get("Resources"), f"{action} could name a resource"


def test_every_arn_names_the_stage_where_names_are_chosen_by_us() -> None:
    """The rest have ids that AWS draws, or are read for a whole region."""
    drawn = ("restapis", "restapis/*", "alarm:*", "event-source-mapping:*")

    unnamed = {
        re.split(r":\d*:/?", resource, maxsplit=1)[1]
        for statement in statements(parameters())
        for resource in as_list(statement["Resource"])
        if resource != "*" and "trading-bot-dev" not in resource
    }

    assert unnamed == set(drawn)


@pytest.mark.parametrize(("kind", "limit"), [(INLINE, 10_240), (MANAGED, 6_144)], ids=["inline", "managed"])
def test_the_policies_fit_into_a_role(kind: str, limit: int) -> None:
    """IAM counts characters without blanks: of all inline policies together, of each managed one."""
    given = {**parameters(static_egress=True), "TablePrefix": "p" * 80, "AWS::Region": "ap-southeast-1"}

    text = json.dumps(list(statements(given, kind)))

    assert 0 < len(re.sub(r"\s", "", text)) < limit - 100  # which the frame around the statements takes
