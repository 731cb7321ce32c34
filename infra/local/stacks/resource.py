"""What a stack is made of, and what is said about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from infra.local.stacks.catalogue import kind_of
from infra.local.stacks.kinds import Kind, Properties

if TYPE_CHECKING:
    from infra.local.stacks.stack import Stack


@dataclass(frozen=True)
class Wish:
    """What somebody asks a stack to become."""

    body: str
    parameters: Mapping[str, str]
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Resource:
    """A resource that exists, with the properties that it was given last."""

    logical_id: str
    type: str
    physical_id: str
    properties: Properties
    deletion_policy: str
    replace_policy: str

    @property
    def kind(self) -> Kind:
        return kind_of(self.type)


@dataclass(frozen=True)
class Change:
    """One line of a change set."""

    action: str
    logical_id: str
    type: str
    physical_id: str | None = None
    replacement: bool | None = None
    properties: tuple[str, ...] = ()


@dataclass
class Event:
    """One line of a stack's log."""

    stack: "Stack"
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    id: str = field(default_factory=lambda: str(uuid4()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class ChangeSet:
    """What a stack could be made to become."""

    id: str
    name: str
    type: str
    stack: "Stack"
    wish: Wish
    values: dict[str, str]
    changes: list[Change]
    capabilities: list[str]
    description: str | None
    status: str = "CREATE_COMPLETE"
    execution_status: str = "AVAILABLE"
    reason: str | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
