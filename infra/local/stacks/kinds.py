"""What a kind of resource has to know: how to make, change and delete one, and what its attributes are."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from infra.local.stacks.services import Services

Properties = Mapping[str, Any]


class Kind(Protocol):
    """One type of resource. Whatever a method raises is the reason why its resource failed."""

    @property
    def name_property(self) -> str | None:
        """The property that gives it a name of one's own; without one it gets a name that CloudFormation makes."""

    @property
    def replaced_by(self) -> frozenset[str]:
        """Properties whose change makes a new resource."""

    @property
    def tags(self) -> bool:
        """Whether it takes the stack's tags."""

    def create(self, services: Services, name: str, properties: Properties) -> str:
        """Make it; returns the physical id, which is what Ref gives."""

    def update(self, services: Services, physical_id: str, old: Properties, new: Properties) -> None:
        """Change it in place."""

    def delete(self, services: Services, physical_id: str, properties: Properties) -> None:
        """Delete it; raises where the service refuses."""

    def attribute(self, services: Services, physical_id: str, properties: Properties, name: str) -> Any:
        """What Fn::GetAtt gives. Raises KeyError where there is no such attribute."""


def changed(old: Properties, new: Properties) -> set[str]:
    """The names of the properties that differ."""
    return {name for name in {*old, *new} if old.get(name) != new.get(name)}


def tag_difference(old: Properties, new: Properties) -> tuple[list[str], list[dict[str, Any]]]:
    """The keys of the tags to remove, and the tags to set."""
    before = {tag["Key"]: tag["Value"] for tag in old.get("Tags", [])}
    after = {tag["Key"]: tag["Value"] for tag in new.get("Tags", [])}
    put = [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
    return sorted(set(before) - set(after)), put


def refuse(properties: Properties, known: set[str]) -> None:
    """A property that is not carried out must not look as if it were."""
    if unknown := sorted(set(properties) - known):
        raise ValueError(f"Encountered unsupported property {unknown[0]}")


def as_json(document: Any) -> str:
    """A document as text, which it may be already."""
    return document if isinstance(document, str) else json.dumps(document)


def as_text(value: Any) -> str:
    """A value as the services' attributes have it."""
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
