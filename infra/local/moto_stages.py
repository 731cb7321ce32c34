"""Stages: stand-ins for moto's tables and backend that hold a few items, and are thrown away after use."""

import copy
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table


class Stage(Table):
    """A table's settings over a few items of its own; what goes wrong on it is thrown away with it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Stage":
        return self  # moto's backup for its rollback, which a stage does not need


def stage_of(table: Table) -> Table:
    stage = copy.copy(table)
    stage.__class__ = Stage  # type: ignore[type-abstract]  # what is abstract is CloudFormation's
    stage.items = defaultdict(dict)
    stage.stream_shard = None
    return stage


def backend_with(backend: DynamoDBBackend, tables: Iterable[Table]) -> DynamoDBBackend:
    staged = copy.copy(backend)
    staged.tables = OrderedDict((table.name, table) for table in tables)
    return staged
