"""The mock exchange's book in its table, so that every process trades on the same mock."""

import dataclasses
from datetime import timedelta

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.outcomes import ExchangeOrder, OrderStatus
from chalicelib.store.database import ConditionFailedError, Database
from chalicelib.store.tables import MockOrderRow

_FIELDS = tuple(field.name for field in dataclasses.fields(ExchangeOrder) if field.name != "conditional")
"""The mock has one book for all."""
_KEPT = timedelta(days=90)
_CALLS = "#calls"


class TableMockBook:
    """Implements MockBook. Bound to its table by the store that shares the connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account_id: str, order: ExchangeOrder) -> bool:
        row = _item(account_id, order)
        try:
            await self._database.run(lambda: row.save(condition=MockOrderRow.client_order_id.does_not_exist()))
        except ConditionFailedError:
            return False
        return True

    async def get(self, account_id: str, client_order_id: str) -> ExchangeOrder | None:
        def call() -> ExchangeOrder | None:
            try:
                return _order(MockOrderRow.get(account_id, client_order_id, consistent_read=True))
            except DoesNotExist:
                return None

        return await self._database.run(call)

    async def close(self, account_id: str, order: ExchangeOrder) -> bool:
        row = _item(account_id, order)
        try:
            await self._database.run(lambda: row.save(condition=MockOrderRow.status == OrderStatus.OPEN))
        except ConditionFailedError:
            return False
        return True

    async def open_orders(self, account_id: str) -> list[ExchangeOrder]:
        is_open = MockOrderRow.status == OrderStatus.OPEN
        rows = await self._database.run(
            lambda: list(MockOrderRow.query(account_id, filter_condition=is_open, consistent_read=True))
        )
        return [_order(row) for row in rows]

    async def count_call(self, account_id: str) -> int:
        row = MockOrderRow(account_id, _CALLS)
        await self._database.run(lambda: row.update(actions=[MockOrderRow.calls.add(1)]))
        return int(row.calls or 0)


def _item(account_id: str, order: ExchangeOrder) -> MockOrderRow:
    row = MockOrderRow(account_id, **{name: getattr(order, name) for name in _FIELDS})
    if order.status.terminal and order.updated_at is not None:
        row.ttl = int((order.updated_at + _KEPT).timestamp())
    return row


def _order(row: MockOrderRow) -> ExchangeOrder:
    return ExchangeOrder(**{name: getattr(row, name) for name in _FIELDS})
