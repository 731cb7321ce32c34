"""All venues of this deployment: which one a new order goes to, and the adapter for an order that exists."""

from chalicelib.domain.clock import Clock
from chalicelib.domain.orders import Venue
from chalicelib.domain.ports import Exchange, OrderNotAcceptedError
from chalicelib.domain.strategies import Account
from chalicelib.exchanges.mock import MockBook, MockExchange

MOCK_HOST = "mock_exchange"


class Directory:
    """Implements the Exchanges port."""

    def __init__(self, clock: Clock, mock_book: MockBook, *, use_mock: bool) -> None:
        self._clock = clock
        self._mock_book = mock_book
        self._use_mock = use_mock

    def venue_for(self, account: Account) -> Venue:
        """USE_MOCK_EXCHANGE sends every new order to the mock, whatever its account is."""
        if self._use_mock or account.exchange == "mock":
            return Venue("mock", account.market, account.testnet, MOCK_HOST)
        return Venue(account.exchange, account.market, account.testnet, "")

    async def session(self, account: Account, venue: Venue) -> Exchange:
        """Chosen by the order's own venue, not by today's settings."""
        if venue.exchange == "mock":
            return MockExchange(account, self._mock_book, self._clock)
        raise OrderNotAcceptedError(
            "EXCHANGE_NOT_AVAILABLE",
            f"trading at {venue.exchange} is not available in this version: set USE_MOCK_EXCHANGE=true",
        )
