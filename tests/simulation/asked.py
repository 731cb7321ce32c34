"""What each function asked of the store, of secrets and of Lambda in one simulation, and whether it may."""

from collections.abc import Iterator
from typing import Any

from chalicelib.domain.markets import KnownRules
from chalicelib.domain.ports import Update
from tests.exchanges.markets.memory import RulesInMemory
from tests.simulation import memory_store
from tests.simulation.memory_store import Moment
from tests.simulation.processes import PROCESS
from tests.simulation.rights import is_granted, rights_of
from tests.simulation.vault import Vault

_API = "api_handler"
_FUNCTIONS = {"api": _API}
_METHODS = {"live Order": "due_orders", "due CancelRequest": "due_cancels", "unsettled EventLog": "unsettled_events"}


class Asked:
    """`uses`: pairs of a function and a call."""

    def __init__(self) -> None:
        self.uses: set[tuple[str, str]] = set()

    def note(self, use: str) -> None:
        """By the function whose process is at work. Who has none is a person, who goes through the API."""
        process = PROCESS.get()
        name = process.name.rpartition("-")[0] if process else _API
        self.uses.add((_FUNCTIONS.get(name, name), use))

    def seen_by(self, step: memory_store.Step) -> memory_store.Step:
        """The step, with every request noted that it lets on its way."""

        async def noted(moment: Moment) -> None:
            if not moment.done:
                for use in _uses(moment):
                    self.note(use)
            await step(moment)

        return noted

    def refused(self) -> Iterator[tuple[str, str, str]]:
        """Function, call and right of everything that AWS would not have allowed."""
        for function, use in sorted(self.uses):
            for right in rights_of(use):
                if not is_granted(function, right):
                    yield function, use, " on ".join(right)


class NotedVault(Vault):
    """The same, and who asked it for something."""

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked

    async def put(self, account_id: str, credentials: dict[str, Any]) -> str:
        self._asked.note("secrets.put")
        return await super().put(account_id, credentials)

    async def delete(self, secret_name: str) -> None:
        self._asked.note("secrets.delete")
        await super().delete(secret_name)

    def read(self, name: str) -> dict[str, str]:
        self._asked.note("credentials.get")
        return super().read(name)


class NotedRules(RulesInMemory):
    """The same."""

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked

    async def get(self, exchange_market: str, symbol: str) -> KnownRules | None:
        self._asked.note("rules.get")
        return await super().get(exchange_market, symbol)

    async def put(self, exchange_market: str, known: KnownRules) -> None:
        self._asked.note("rules.put")
        await super().put(exchange_market, known)


def _uses(moment: Moment) -> Iterator[str]:
    match moment.operation:
        case "get" | "get_all":
            yield f"{moment.operation} {moment.subject[0]}"
        case "commit":
            for change in moment.subject:
                row = change.new if isinstance(change, Update) else change.row
                yield f"{type(change).__name__} {type(row).__name__}"
        case operation:
            yield _METHODS.get(operation, operation)
