"""Composition root: the only module that knows every layer. Built on first use, kept while the process lives."""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from chalicelib.aws.credentials import AccountCredentials
from chalicelib.aws.secrets import ManagedSecrets
from chalicelib.aws.waker import LambdaWaker, SleepingWaker
from chalicelib.domain.clock import Budget, SystemClock
from chalicelib.domain.ids import Ids
from chalicelib.exchanges.directory import Directory
from chalicelib.settings import Settings, load_settings
from chalicelib.store.database import Database
from chalicelib.store.dynamo import DynamoStore
from chalicelib.store.mock_book import TableMockBook
from chalicelib.store.rules_table import SharedRules
from chalicelib.usecases.services import Services

T = TypeVar("T")

SERVICE = "trading-bot"
_ANSWER_RESERVE = 1.0
_building = threading.RLock()


def _once(build: Callable[[], T]) -> Callable[[], T]:
    """Build on the first call and keep it. functools.cache would let two threads build two."""
    built: list[T] = []

    def get() -> T:
        with _building:
            if not built:
                built.append(build())
            return built[0]

    return get


class LoopThread:
    """One event loop for the life of the process, in a thread of its own, shared by all entry points."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="event-loop", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Hand the work over and wait for its end (R28)."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@_once
def settings() -> Settings:
    """The settings of this process. Raises SettingsError."""
    return load_settings()


@_once
def services() -> Services:
    """Every adapter, wired; one for the life of the process."""
    chosen = settings()
    configure_logging(chosen)
    clock = SystemClock()
    database = Database(clock, region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))
    store = DynamoStore(database, chosen.table_prefix)
    name = chosen.sweep_function
    directory = Directory(
        clock,
        TableMockBook(database),
        SharedRules(database),
        lambda account: AccountCredentials(
            account.account_id, account.secret_name, chosen.exchange_keys.get(account.exchange), clock
        ),
        use_mock=chosen.use_mock_exchange,
        urls=chosen.exchange_urls,
        max_retries=chosen.policy.exchange_max_retries,
    )
    built = Services(
        store=store,
        exchanges=directory,
        clock=clock,
        ids=Ids(chosen.order_id_prefix),
        policy=chosen.policy,
        waker=LambdaWaker(store, clock, name) if name else SleepingWaker(),
        secrets=ManagedSecrets(chosen.table_prefix),
    )

    async def on_ban(account_id: str, until: datetime) -> None:
        from chalicelib.usecases.bans import record_ban

        await record_ban(built, account_id, until)

    directory.on_ban = on_ban
    return built


def sweep_services() -> Services:
    """The same, for the sweep, which never invokes itself (R27)."""
    return replace(services(), waker=SleepingWaker())


@_once
def _loop() -> LoopThread:
    return LoopThread()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a use case to its end on the process's event loop."""
    return _loop().run(work)


def budget(context: Any, longest: float) -> Budget:
    """What is left of this invocation less the time for an answer, and `longest` seconds at most."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    left = remaining() / 1000 - _ANSWER_RESERVE if remaining else longest
    return Budget(services().clock, min(longest, left))


def configure_logging(chosen: Settings) -> None:
    """JSON lines from our own loggers, one fact each; the libraries below stay quiet unless they warn.

    The root logger's own handlers (Lambda installs one) would print each line twice.
    """
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(
        LambdaPowertoolsFormatter(
            service=SERVICE, log_record_order=["level", "message"], utc=True, serialize_stacktrace=False
        )
    )
    ours = logging.getLogger("chalicelib")
    ours.handlers = [handler]
    ours.setLevel(chosen.log_level)
    ours.propagate = False
    for library in ("httpx", "httpcore", "botocore", "boto3", "urllib3"):  # they write URLs, headers and bodies
        logging.getLogger(library).setLevel(logging.WARNING)
