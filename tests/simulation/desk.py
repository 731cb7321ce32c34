"""A trading desk inside a simulation: use cases and real adapters, over a database and exchanges in memory."""

import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.aws.credentials import AccountCredentials
from chalicelib.domain.ids import Ids
from chalicelib.domain.policy import Policy
from chalicelib.domain.ports import Waker
from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.directory import Directory
from chalicelib.exchanges.rules_book import RulesTable
from chalicelib.usecases.bans import record_ban
from chalicelib.usecases.services import Services
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from infra.simulator.world import World
from tests.desk import RecordingWaker
from tests.exchanges.markets.memory import RulesInMemory
from tests.simulation import direct, memory_store
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.scheduler import ProcessClock, SimulatedLoop
from tests.simulation.vault import Vault, VaultReader
from tests.trading.floor import Floor

ID_PREFIX = "test-"
_NO_MOCK: Any = None  # no account here trades at the mock


class SimulatedDesk(Floor):
    """One process of the system: what it remembers is its own, the database and the exchanges are everybody's."""

    def __init__(
        self,
        loop: SimulatedLoop,
        database: MemoryDatabase,
        world: World,
        dice: random.Random,
        *,
        policy: Policy | None = None,
        at_database: memory_store.Step = memory_store.go_on,
        at_exchange: direct.Step = direct.go_on,
        worlds: Mapping[str, World] | None = None,
        urls: Mapping[str, str] | None = None,
        vault: Vault | None = None,
        rules: RulesTable | None = None,
        ahead: float = 0.0,
        stall: Callable[[], float] | None = None,
    ) -> None:
        """`dice` are drawn for ids and pauses. Nothing of the machine is asked for anything.

        `worlds`: other exchanges than `world`, by host; `urls`: the settings of that name; `ahead`: seconds by which
        this process's clock is wrong; `stall`: see ProcessClock.
        """
        chosen = policy or Policy()
        clock = ProcessClock(loop, ahead, stall)
        self.clock: Any = clock
        self._alert_numbers = itertools.count(1)
        self.waker: Any = RecordingWaker()
        keys = vault or Vault()
        directory = Directory(
            clock,
            _NO_MOCK,
            rules or RulesInMemory(),
            lambda account: AccountCredentials(
                account.account_id,
                account.secret_name,
                Credentials(TEST_KEY, TEST_SECRET),
                clock,
                VaultReader(keys, clock),
            ),
            use_mock=False,
            urls=urls or {},
            max_retries=chosen.exchange_max_retries,
            sender_to=direct.direct_to(loop, world, at_exchange, worlds=worlds),
        )
        services = self.services = Services(
            store=memory_store.MemoryStore(database, clock, at_database, dice),
            exchanges=directory,
            clock=clock,
            ids=Ids(ID_PREFIX, dice.getrandbits),
            policy=chosen,
            waker=self.waker,
            secrets=keys,
        )
        self.store: Any = services.store
        directory.on_ban = lambda account_id, until: record_ban(services, account_id, until)

    def woken_by(self, waker: Waker) -> "SimulatedDesk":
        """The same, with somebody to wake."""
        self.waker = waker
        self.services = replace(self.services, waker=waker)
        return self
