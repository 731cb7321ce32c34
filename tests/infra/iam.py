"""Decides as IAM does whether a policy document allows a call, of what our documents use; all else is an error."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

_KNOWN = {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
_SOURCE_IP = "aws:SourceIp"


class UnknownElementError(Exception):
    """A document says something that is not understood here, so nobody can say what it allows."""


def is_allowed(document: Document, action: str, resource: str, *, source_ip: str | None = None) -> bool:
    """Whether a statement allows it and none denies it. `source_ip`: where the call comes from, if that is known."""
    effects = {
        _effect(statement)
        for statement in statements(document)
        if _speaks_of(statement, action, resource) and _holds(statement.get("Condition", {}), source_ip)
    }
    return effects == {"Allow"}


def statements(document: Document) -> list[Document]:
    """All of them, also where there is only one. Raises UnknownElementError."""
    found = document["Statement"]
    listed: list[Document] = [found] if isinstance(found, Mapping) else list(found)
    for statement in listed:
        if unknown := statement.keys() - _KNOWN:
            raise UnknownElementError(f"{', '.join(sorted(unknown))} in a statement")
        if statement.get("Principal", "*") != "*":
            raise UnknownElementError(f"principal {statement['Principal']!r}")
    return listed


def as_list(value: str | list[str]) -> list[str]:
    """What a document may write with or without brackets."""
    return [value] if isinstance(value, str) else list(value)


def _effect(statement: Document) -> str:
    effect = statement["Effect"]
    if effect not in ("Allow", "Deny"):
        raise UnknownElementError(f"effect {effect!r}")
    return str(effect)


def _speaks_of(statement: Document, action: str, resource: str) -> bool:
    actions, resources = as_list(statement["Action"]), as_list(statement["Resource"])
    named = any(_matches(pattern.lower(), action.lower()) for pattern in actions)
    return named and any(_is_resource(pattern, resource) for pattern in resources)


def _is_resource(pattern: str, resource: str) -> bool:
    """A wildcard reaches over slashes, but not from one part of an ARN into the next."""
    if pattern == "*":
        return True
    ours, theirs = pattern.split(":", 5), resource.split(":", 5)
    return len(ours) == len(theirs) and all(_matches(part, other) for part, other in zip(ours, theirs, strict=True))


def _matches(pattern: str, text: str) -> bool:
    wild = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(wild, text, re.DOTALL) is not None


def _holds(condition: Mapping[str, Mapping[str, Any]], source_ip: str | None) -> bool:
    """Every operator has to hold. Of a call from nowhere, a negated one does and the other does not."""
    for operator, keys in condition.items():
        if operator not in ("IpAddress", "NotIpAddress") or set(keys) != {_SOURCE_IP}:
            raise UnknownElementError(f"condition {operator} on {', '.join(keys)}")
        inside = source_ip is not None and any(_is_in(source_ip, block) for block in as_list(keys[_SOURCE_IP]))
        if inside is (operator == "NotIpAddress"):
            return False
    return True


def _is_in(address: str, block: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(block)
