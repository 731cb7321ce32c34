"""Market rules that processes share, in their table."""

import dataclasses
from datetime import timedelta

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.markets import KnownRules, MarketRules
from chalicelib.store.database import Database
from chalicelib.store.tables import RulesRow

_FIELDS = tuple(field.name for field in dataclasses.fields(MarketRules))
_KEPT = timedelta(days=2)


class SharedRules:
    """Implements RulesTable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, exchange_market: str, symbol: str) -> KnownRules | None:
        def call() -> KnownRules | None:
            try:
                row = RulesRow.get(exchange_market, symbol)
            except DoesNotExist:
                return None
            return KnownRules(MarketRules(**{name: getattr(row, name) for name in _FIELDS}), row.fetched_at)

        return await self._database.run(call)

    async def put(self, exchange_market: str, known: KnownRules) -> None:
        values = {name: getattr(known.rules, name) for name in _FIELDS}
        ttl = int((known.fetched_at + _KEPT).timestamp())
        row = RulesRow(exchange_market, fetched_at=known.fetched_at, ttl=ttl, **values)
        await self._database.run(row.save)
