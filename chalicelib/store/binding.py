"""Ties the models to one deployment's tables and indexes, over one connection."""

from typing import Any

from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable
from pynamodb.constants import (
    ATTR_DEFINITIONS,
    GLOBAL_SECONDARY_INDEXES,
    INDEX_NAME,
    KEY_SCHEMA,
    LOCAL_SECONDARY_INDEXES,
    TABLE_NAME,
)
from pynamodb.models import Model

from chalicelib.store.tables import MODELS, CancelRow, EventRow, MockOrderRow, OrderRow, RulesRow

INDEXES: dict[type[Model], dict[str, tuple[str, str]]] = {
    OrderRow: {
        "by_strategy": ("strategy_id", "created_at"),
        "by_day": ("created_day", "created_at"),
        "live": ("live_shard", "check_at"),
        "live_by_strategy": ("live_strategy", "created_at"),
        "attention": ("attention_shard", "created_at"),
    },
    CancelRow: {
        "due": ("due_shard", "next_retry_at"),
        "by_status": ("status", "created_at"),
        "by_day": ("created_day", "created_at"),
    },
    EventRow: {"unsettled": ("unsettled_shard", "check_at")},
}

_ALL: tuple[Any, ...] = (*dict.fromkeys(MODELS.values()), MockOrderRow, RulesRow)
_NAMES = {model: model.Meta.table_name for model in _ALL}


def bind_tables(prefix: str, connection: Connection) -> None:
    """Point the models at one deployment's tables, over one connection.

    Left alone, each model would build a client of its own, and threads would race to build more.
    """
    for model in _ALL:
        model.Meta.table_name = f"{prefix}-{_NAMES[model]}"
        model._connection = None
        table = model._get_connection()
        keys = table.get_meta_table().data[KEY_SCHEMA]
        table.connection = connection
        connection._tables[table.table_name] = _meta_table(model, keys)


def _meta_table(model: type[Model], key_schema: list[dict[str, str]]) -> MetaTable:
    """What pynamodb must know to write keys and queries; every key of every table is a string."""
    indexes = INDEXES.get(model, {})
    names = {key["AttributeName"] for key in key_schema}.union(*indexes.values())
    return MetaTable(
        {
            TABLE_NAME: model.Meta.table_name,
            KEY_SCHEMA: key_schema,
            ATTR_DEFINITIONS: [{"AttributeName": name, "AttributeType": "S"} for name in sorted(names)],
            GLOBAL_SECONDARY_INDEXES: [
                {
                    INDEX_NAME: name,
                    KEY_SCHEMA: [
                        {"AttributeName": hash_key, "KeyType": "HASH"},
                        {"AttributeName": range_key, "KeyType": "RANGE"},
                    ],
                }
                for name, (hash_key, range_key) in indexes.items()
            ],
            LOCAL_SECONDARY_INDEXES: [],
        }
    )
