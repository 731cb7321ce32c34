"""Composition root: the only module that knows every layer. Built on first use, kept while the process lives."""

import asyncio
import contextvars
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from chalicelib.aws.admin_token import AdminToken
from chalicelib.aws.credentials import AccountCredentials
from chalicelib.aws.metrics import CloudWatchMeter
from chalicelib.aws.secrets import ManagedSecrets
from chalicelib.aws.waker import LambdaWaker, SleepingWaker
from chalicelib.domain.clock import Budget, SystemClock
from chalicelib.domain.correlation import begin_invocation, follow
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
        """Hand the work over and wait for its end (R28).

        It goes on in the caller's context, and the caller in its: their log lines carry the same ids.
        """
        context = contextvars.copy_context()

        async def in_context() -> T:
            return await asyncio.create_task(work, context=context)

        try:
            return asyncio.run_coroutine_threadsafe(in_context(), self._loop).result()
        finally:
            follow(context)


@_once
def settings() -> Settings:
    """The settings of this process. Raises SettingsError."""
    return load_settings()


@_once
def admin_token() -> AdminToken | None:
    """The admin token in Secrets Manager; None where ADMIN_TOKEN is to say it, or nobody is let in."""
    secret = settings().admin_token_secret
    return AdminToken(secret, SystemClock()) if secret else None


@_once
def meter() -> CloudWatchMeter:
    """The metrics of this stage."""
    return CloudWatchMeter(settings().environment)


@_once
def services() -> Services:
    """Every adapter, wired; one for the life of the process."""
    chosen = settings()
    _logging()
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
        meter=meter(),
    )
    built = Services(
        store=store,
        exchanges=directory,
        clock=clock,
        ids=Ids(chosen.order_id_prefix),
        policy=chosen.policy,
        waker=LambdaWaker(store, clock, name) if name else SleepingWaker(),
        secrets=ManagedSecrets(chosen.table_prefix),
        meter=meter(),
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
    """Run a use case to its end on the process's event loop; what it tallied is written then, however it ended."""
    try:
        return _loop().run(work)
    finally:
        meter().flush()


def budget(context: Any, longest: float) -> Budget:
    """What is left of this invocation less the time for an answer, and `longest` seconds at most."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    left = remaining() / 1000 - _ANSWER_RESERVE if remaining else longest
    return Budget(services().clock, min(longest, left))


def begin(context: Any) -> str | None:
    """An invocation starts: every entry point says so first. Returns its id: Lambda's own, which stands in its log
    lines too, and which no caller can choose, as he can API Gateway's."""
    _logging()
    request_id: str | None = getattr(context, "aws_request_id", None)
    begin_invocation(request_id)
    return request_id


def configure_logging(chosen: Settings) -> None:
    """JSON lines from our own loggers."""
    from chalicelib.aws.logs import configure_logging as configure  # powertools is paid for by the first call

    configure(SERVICE, chosen.log_level)


def _logging() -> None:
    if not logging.getLogger("chalicelib").handlers:
        configure_logging(settings())
