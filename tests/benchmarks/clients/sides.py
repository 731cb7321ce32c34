"""The sides of the comparison by name; a process imports its own only."""

from tests.benchmarks.clients.market import Client, Market

OURS, CCXT, HTTPX, HTTP_CLIENT = "ours", "ccxt", "httpx", "http.client"
OURS_WITH_RULES, APP = "ours, rules known", "the whole app"


def connect(side: str, market: Market, url: str) -> Client:
    """A client that is not open yet."""
    match side:
        case "ours":
            from tests.benchmarks.clients.ours import OurClient

            return OurClient(market, url)
        case "ours, rules known":
            from tests.benchmarks.clients.ours import FilledTable, OurClient

            return OurClient(market, url, FilledTable())
        case "the whole app":
            from tests.benchmarks.clients.whole_app import AppClient

            return AppClient(market, url)
        case "ccxt":
            from tests.benchmarks.clients.with_ccxt import CcxtClient

            return CcxtClient(market, url)
        case "httpx":
            from tests.benchmarks.clients.floors import PlainHttpx

            return PlainHttpx(market, url)
        case "http.client":
            from tests.benchmarks.clients.floors import PlainHttpClient

            return PlainHttpClient(market, url)
    raise ValueError(f"no side {side!r}")
