"""Market rules that processes share, without a database."""

from chalicelib.domain.markets import KnownRules


class RulesInMemory:
    """Implements RulesTable."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], KnownRules] = {}

    async def get(self, exchange_market: str, symbol: str) -> KnownRules | None:
        return self._rows.get((exchange_market, symbol))

    async def put(self, exchange_market: str, known: KnownRules) -> None:
        self._rows[exchange_market, known.rules.symbol] = known
