"""Our adapters as a Lambda has them: after `import app`, through the runtime, with the tables behind them."""

from tests.benchmarks.clients.market import Market
from tests.benchmarks.clients.ours import OurClient


class AppClient(OurClient):
    """One account. Where the tables and the exchanges are, and the account's key, stands in the environment."""

    def __init__(self, market: Market, url: str) -> None:
        import app  # noqa: F401 - what every cold start pays for

        super().__init__(market, url)

    async def open(self, accounts: int) -> None:
        from chalicelib import runtime
        from chalicelib.domain.strategies import Account
        from chalicelib.exchanges.transport import ssl_context

        exchanges, now = runtime.services().exchanges, self._clock.now()
        account = Account(
            account_id="a0",
            exchange=self._venue.exchange,
            market=self._venue.market,
            testnet=False,
            enabled=True,
            created_at=now,
            updated_at=now,
        )
        ssl_context()
        self._exchanges = [await exchanges.session(account, exchanges.venue_for(account))]
