"""A trading desk inside a simulation: use cases and real adapters, over a database and exchanges in memory."""

import itertools
import random
from typing import Any

from chalicelib.aws.credentials import AccountCredentials
from chalicelib.domain.ids import Ids
from chalicelib.domain.policy import Policy
from chalicelib.domain.secrets import Credentials
from chalicelib.exchanges.directory import Directory
from chalicelib.usecases.bans import record_ban
from chalicelib.usecases.services import Services
from infra.simulator.instruments import TEST_KEY, TEST_SECRET
from infra.simulator.world import World
from tests.desk import NoSecrets, RecordingWaker
from tests.exchanges.markets.memory import RulesInMemory
from tests.simulation import direct, memory_store
from tests.simulation.memory_database import MemoryDatabase
from tests.simulation.scheduler import ProcessClock, SimulatedLoop
from tests.trading.floor import Floor

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
    ) -> None:
        """`dice` are drawn for ids and pauses. Nothing of the machine is asked for anything."""
        chosen = policy or Policy()
        clock = ProcessClock(loop)
        self.clock: Any = clock
        self._alert_numbers = itertools.count(1)
        self.waker = RecordingWaker()
        directory = Directory(
            clock,
            _NO_MOCK,
            RulesInMemory(),
            lambda account: AccountCredentials(
                account.account_id, account.secret_name, Credentials(TEST_KEY, TEST_SECRET), clock
            ),
            use_mock=False,
            urls={},
            max_retries=chosen.exchange_max_retries,
            sender_to=direct.direct_to(loop, world, at_exchange),
        )
        services = self.services = Services(
            store=memory_store.MemoryStore(database, clock, at_database, dice),
            exchanges=directory,
            clock=clock,
            ids=Ids("test-", dice.getrandbits),
            policy=chosen,
            waker=self.waker,
            secrets=NoSecrets(),
        )
        self.store: Any = services.store
        directory.on_ban = lambda account_id, until: record_ban(services, account_id, until)
