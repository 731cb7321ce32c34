"""Counts what this process asks of AWS, DynamoDB's units and calls of every service, and keeps what it prints."""

import json
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore import handlers

from tests.benchmarks.costs_units import Item, Units, get_units, load_tables, query_units

_WRITES = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}
_SHAPERS = ("FilterExpression", "ProjectionExpression", "Select")
"""What changes the answer of a query, but not what it is billed for."""


@dataclass
class Asked:
    """What was asked of AWS: units, and how often what was called (`dynamodb.GetItem`)."""

    units: Units = field(default_factory=Units)
    calls: Counter[str] = field(default_factory=Counter)


class AwsCounter:
    """Listens to every client that is built while it is in place."""

    def __init__(self, client: Any, prefix: str) -> None:
        """`client`: a plain one of DynamoDB, built before, with which items are looked at."""
        self._client = client
        self._tables = load_tables(prefix)
        self._lock = threading.Lock()
        self._asked: Asked | None = None

    @contextmanager
    def in_place(self) -> Iterator["AwsCounter"]:
        """Clients take botocore's list of handlers over when their session is made, boto3's own one included."""
        added = [("before-call", self._before), ("after-call", self._after)]
        handlers.BUILTIN_HANDLERS.extend(added)
        boto3.setup_default_session()
        try:
            yield self
        finally:
            for one in added:
                handlers.BUILTIN_HANDLERS.remove(one)
            boto3.setup_default_session()

    @contextmanager
    def counting(self) -> Iterator[Asked]:
        """Only then; looking at the items takes time, which must not be taken for the app's."""
        self._asked = Asked()
        try:
            yield self._asked
        finally:
            self._asked = None

    def stored(self) -> tuple[int, int]:
        """Bytes that all tables hold now, and that their indexes do."""
        sizes = [table.stored(item) for name, table in self._tables.items() for item in self._items(name)]
        return sum(own for own, _ in sizes), sum(indexes for _, indexes in sizes)

    def _items(self, table: str) -> Iterator[Item]:
        for page in self._client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            yield from page["Items"]

    def _before(self, model: Any, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        if self._asked is None:
            return
        with self._lock:
            self._asked.calls[f"{model.service_model.service_name}.{model.name}"] += 1
        if model.service_model.service_name == "dynamodb":
            body = json.loads(params["body"])
            context["counted"] = body, [self._item(table, key) for _, table, key in self._written(model.name, body)]

    def _after(self, model: Any, context: dict[str, Any], **_: Any) -> None:
        body, before = context.pop("counted", (None, []))
        if body is None or self._asked is None:
            return
        units = self._units(model.name, body, before)
        with self._lock:
            self._asked.units += units

    def _units(self, operation: str, body: Mapping[str, Any], before: list[Item | None]) -> Units:
        if writes := self._written(operation, body):
            transaction = operation == "TransactWriteItems"
            units = Units()
            for (kind, name, key), old in zip(writes, before, strict=True):
                table = self._tables[name]
                if kind == "ConditionCheck":
                    units += table.check(old)
                else:
                    units += table.write(old, self._item(name, key), transaction=transaction)
            return units
        return self._reads(operation, body)

    def _reads(self, operation: str, body: Mapping[str, Any]) -> Units:
        consistent = bool(body.get("ConsistentRead"))
        match operation:
            case "GetItem":
                return get_units(self._item(body["TableName"], body["Key"]), consistent=consistent)
            case "BatchGetItem":
                units = Units()
                for name, wanted in body["RequestItems"].items():
                    for key in wanted["Keys"]:
                        found = self._item(name, key)
                        units += get_units(found, consistent=bool(wanted.get("ConsistentRead")))
                return units
            case "Query" | "Scan":
                again = {name: value for name, value in body.items() if name not in _SHAPERS}
                ask = self._client.query if operation == "Query" else self._client.scan
                items = self._seen_in(body, ask(**again)["Items"])
                return query_units(items, consistent=consistent)
            case "DescribeTable":
                return Units()
        raise ValueError(f"nobody knows what {operation} costs")

    def _seen_in(self, body: Mapping[str, Any], items: list[Item]) -> list[Item]:
        """As they stand in the index that was asked, if one was."""
        table = self._tables[body["TableName"]]
        index = next((one for one in table.indexes if one.name == body.get("IndexName")), None)
        return [view for item in items if (view := index.view(item) if index else item) is not None]

    def _written(self, operation: str, body: Mapping[str, Any]) -> list[tuple[str, str, Item]]:
        """Kind, table and key of each item that a request writes or checks."""
        if operation in _WRITES:
            parts = [(_WRITES[operation], body)]
        else:
            parts = [next(iter(one.items())) for one in body.get("TransactItems", ())]
        return [(kind, part["TableName"], self._key(part)) for kind, part in parts]

    def _key(self, part: Mapping[str, Any]) -> Item:
        known: Item = part.get("Key") or {name: part["Item"][name] for name in self._tables[part["TableName"]].keys}
        return known

    def _item(self, table: str, key: Item) -> Item | None:
        found: Item | None = self._client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return found


@contextmanager
def printed() -> Iterator[Callable[[], list[str]]]:
    """What goes to standard output and standard error meanwhile, whoever writes it: the lines that Lambda would log."""
    found: list[str] = []
    kept = [(stream, os.dup(stream.fileno())) for stream in (sys.__stdout__, sys.__stderr__) if stream]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        for stream, _ in kept:
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
        try:
            yield lambda: found
        finally:
            for stream, number in kept:
                stream.flush()
                os.dup2(number, stream.fileno())
                os.close(number)
            file.seek(0)
            found += file.read().splitlines()
