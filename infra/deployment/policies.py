"""IAM policies of the functions and the resource policy of the API, with exact ARNs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

POLICIES = Path(__file__).parent.parent / "policies.yaml"

TRADINGVIEW = ("52.89.214.238/32", "34.212.75.30/32", "54.218.53.128/32", "52.32.178.7/32")
"""Where TradingView's alerts come from: https://www.tradingview.com/support/solutions/43000529348"""

WEBHOOK_PATH = "/api/v1/webhook"

Document = dict[str, Any]

# These have no ARN in IAM, or one that exists only after the right was used.
_TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
_NETWORK = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True, kw_only=True)
class Names:
    """Of what the policies speak. ARNs are those of one region of one account."""

    partition: str
    region: str
    account: str
    table_prefix: str
    function_prefix: str
    """Of every function but the API's, which has this name itself: `trading-bot-dev`."""
    orders_stream: str
    admin_token: str
    dead_letters: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def function(self, name: str) -> str:
        """The deployed name of a function of app.py."""
        return self.function_prefix if name == "api_handler" else f"{self.function_prefix}-{name}"

    def role(self, function: str) -> str:
        """Of a function; Chalice gives it, and the one policy in it, the name that stands in app.py."""
        return f"{self.function_prefix}-{function}"

    def rule(self, function: str) -> str:
        """The schedule of a function."""
        return f"{self.function_prefix}-{function}-event"

    @property
    def layer(self) -> str:
        """With what requirements.txt names."""
        return f"{self.function_prefix}-managed-layer"


def function_names() -> list[str]:
    """Every function that has a policy."""
    return list(_read()["functions"])


def function_policy(function: str, names: Names, *, tracing: bool = False, in_vpc: bool = False) -> Document:
    """One statement for each resource. Raises KeyError for a function or resource that nobody knows."""
    granted = _granted(function)
    statements = [_statement(resource, sorted(actions), function, names) for resource, actions in granted.items()]
    for actions, wanted in ((_TRACING, tracing), (_NETWORK, in_vpc)):
        if wanted:
            statements.append({"Effect": "Allow", "Action": list(actions), "Resource": "*"})
    return {"Version": "2012-10-17", "Statement": statements}


def api_policy(webhook: Sequence[str], admin: Sequence[str], stage: str) -> Document:
    """Who may call what: a sign of life for everybody, alerts from `webhook`, all else from `admin`.

    `stage` is API Gateway's. Nobody else is allowed anything, which for an API with a policy means refused.
    """
    statements = [_call(f"{stage}/GET/ping", None), _call(f"{stage}/POST{WEBHOOK_PATH}", webhook)]
    if admin:
        admin_only = _call(f"{stage}/*", admin)
        webhook_is_not = {**_call(f"{stage}/*{WEBHOOK_PATH}*", webhook, "NotIpAddress"), "Effect": "Deny"}
        statements += [admin_only, webhook_is_not]
    return {"Version": "2012-10-17", "Statement": statements}


def _call(path: str, sources: Sequence[str] | None, condition: str = "IpAddress") -> Document:
    statement: Document = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": f"execute-api:/{path}",
    }
    if sources is not None:
        statement["Condition"] = {condition: {"aws:SourceIp": list(sources)}}
    return statement


def _granted(function: str) -> dict[str, set[str]]:
    document = _read()
    own = dict(document["functions"][function])
    parts: list[Mapping[str, list[str]]] = [document["sets"][name] for name in own.pop("include", ())]
    granted: dict[str, set[str]] = {}
    for part in (*parts, own):
        for resource, actions in part.items():
            granted.setdefault(resource, set()).update(actions)
    return granted


def _statement(resource: str, actions: Sequence[str], function: str, names: Names) -> Document:
    service, arns = _resource(resource, function, names)
    sid = re.sub(r"[^A-Za-z0-9]", "", resource.title())
    return {"Sid": sid, "Effect": "Allow", "Action": [f"{service}:{action}" for action in actions], "Resource": arns}


def _resource(resource: str, function: str, names: Names) -> tuple[str, str]:
    match resource:
        case "orders-stream":
            return "dynamodb", names.orders_stream
        case "orders-streams":  # asked for before anybody can know which one it is
            return "dynamodb", names.arn("dynamodb", f"table/{names.table_prefix}-orders/stream/*")
        case "dead-letters":
            return "sqs", names.dead_letters
        case "sweep":
            return "lambda", names.arn("lambda", f"function:{names.function('sweep')}")
        case "account-secrets":  # one for each account that a person makes, with six characters that AWS adds
            return "secretsmanager", names.arn("secretsmanager", f"secret:{names.table_prefix}/accounts/*")
        case "admin-token":
            return "secretsmanager", names.admin_token
        case "own-logs":
            return "logs", names.arn("logs", f"log-group:/aws/lambda/{names.function(function)}:*")
        case _:
            table, _, index = resource.partition("/")
            return "dynamodb", names.arn("dynamodb", f"table/{names.table_prefix}-{table}{index and '/' + index}")


def _read() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(POLICIES.read_text(encoding="utf-8"))
    return document
