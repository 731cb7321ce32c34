"""What a recorded call needs in IAM: its action, and the ARNs that it is about."""

from collections.abc import Iterator
from typing import Any

from infra.local.cloud_calls import Call

_PLACE = "us-east-1:123456789012"
_OF_ITEM = ("ConditionCheck", "Delete", "Put", "Update")


def needed(call: Call, secrets: dict[str, str]) -> Iterator[tuple[str, str]]:
    """`secrets`: ARNs by name, for calls name them either way. Raises KeyError for a service that nobody expects."""
    yield from {"dynamodb": _dynamodb, "secretsmanager": _secrets, "lambda": _lambda}[call.service](call, secrets)


def _dynamodb(call: Call, _: dict[str, str]) -> Iterator[tuple[str, str]]:
    asked = call.parameters
    if call.action == "TransactWriteItems":
        for item in asked["TransactItems"]:
            ((kind, wanted),) = item.items()
            assert kind in _OF_ITEM
            yield f"dynamodb:{kind}Item", _table(wanted["TableName"])
    elif call.action == "BatchGetItem":
        for name in asked["RequestItems"]:
            yield "dynamodb:BatchGetItem", _table(name)
    else:
        index = asked.get("IndexName")
        yield f"dynamodb:{call.action}", _table(asked["TableName"]) + (f"/index/{index}" if index else "")


def _secrets(call: Call, secrets: dict[str, str]) -> Iterator[tuple[str, str]]:
    name: str = call.parameters.get("SecretId") or call.parameters["Name"]
    made_up = f"arn:aws:secretsmanager:{_PLACE}:secret:{name}-AbCdEf"
    yield f"secretsmanager:{call.action}", name if name.startswith("arn:") else secrets.get(name, made_up)


def _lambda(call: Call, _: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "lambda:InvokeFunction", f"arn:aws:lambda:{_PLACE}:function:{_function_name(call.parameters)}"


def _function_name(parameters: dict[str, Any]) -> str:
    return str(parameters["FunctionName"]).rpartition(":")[2]


def _table(name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{_PLACE}:table/{name}"
