"""The connection: one client for all tables, threads for its blocking calls, retries of what may pass (R3)."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.clock import Clock
from chalicelib.domain.errors import DatabaseUnavailableError

logger = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds of conflicts, throttling or lost answers before the database counts as out of reach (R3)."""

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 2.0
WORKERS = 100

_PASSING = frozenset(
    {
        "TransactionConflictException",
        "TransactionInProgressException",
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
_PASSING_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_BUGS = frozenset({"ValidationException", "IdempotentParameterMismatchException", "SerializationException"})
_BUG_REASONS = frozenset({"ValidationError", "ItemCollectionSizeLimitExceeded", "DuplicateItem"})
_CONDITION = "ConditionalCheckFailed"


class ConditionFailedError(Exception):
    """A condition did not hold. `positions` count in the order in which DynamoDB lists them."""

    def __init__(self, positions: tuple[int, ...], *, repeated: bool) -> None:
        super().__init__(positions)
        self.positions = positions
        self.repeated = repeated


class Database:
    """Runs pynamodb's blocking calls in threads of its own, for as long as the patience lasts."""

    def __init__(self, clock: Clock, region: str | None = None) -> None:
        self.clock = clock
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="dynamodb")
        self.connection = Connection(
            region=region,
            connect_timeout_seconds=CONNECT_TIMEOUT,
            read_timeout_seconds=READ_TIMEOUT,
            max_retry_attempts=0,
            max_pool_connections=WORKERS,
        )
        # Built here and now: pynamodb builds it on first use without a lock, so twenty threads built twenty.
        self.connection.client  # noqa: B018

    async def run(self, call: Callable[[], T]) -> T:
        """The call's result; conflicts, throttling and lost answers are repeated with jitter.

        Raises ConditionFailedError, with `repeated` telling whether an earlier try may have succeeded
        unheard, and DatabaseUnavailableError.
        """
        started = self.clock.now()
        tries = 0
        while True:
            tries += 1
            try:
                return await self._in_thread(call)
            except (PynamoDBException, BotoCoreError, ClientError) as error:
                failed = _failed_conditions(error)
                if failed:
                    raise ConditionFailedError(failed, repeated=tries > 1) from error
                if _code(error) in _BUGS or _BUG_REASONS.intersection(_reasons(error)):
                    raise
                waited = (self.clock.now() - started).total_seconds()
                if not _may_pass(error) or (tries > 1 and waited > PATIENCE):
                    logger.error("the database did not take a request: %s", _code(error) or _cause(error))
                    raise DatabaseUnavailableError("the database cannot be reached; try again shortly") from error
            await self.clock.sleep(random.uniform(0.2, 1.0) * min(0.03 * 2**tries, 0.4))

    async def run_once(self, call: Callable[[], object]) -> bool:
        """Whether the call went through; nothing is repeated here, and only a bug is raised."""
        try:
            await self._in_thread(call)
        except (PynamoDBException, BotoCoreError, ClientError) as error:
            if _code(error) in _BUGS or _BUG_REASONS.intersection(_reasons(error)):
                raise
            return False
        return True

    async def pause_or_give_up(self, started: datetime) -> None:
        """Between two tries for what DynamoDB is too busy to give. Raises DatabaseUnavailableError."""
        if (self.clock.now() - started).total_seconds() > PATIENCE:
            raise DatabaseUnavailableError("the database is too busy; try again shortly")
        await self.clock.sleep(random.uniform(0.02, 0.2))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """A thread cannot be cancelled: a cancelled task waits for its write before it ends (R28)."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():  # a second cancellation changes nothing about the thread
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            raise


def _failed_conditions(error: Exception) -> tuple[int, ...]:
    """Positions whose condition failed; a conflict beside them changes nothing about that."""
    if _code(error) == "ConditionalCheckFailedException":
        return (0,)
    reasons = _reasons(error)
    return tuple(index for index, reason in enumerate(reasons) if reason == _CONDITION)


def _may_pass(error: Exception) -> bool:
    code = _code(error)
    if code == "TransactionCanceledException":
        return any(reason in _PASSING_REASONS for reason in _reasons(error))
    return code in _PASSING or code.startswith("5") if code else isinstance(_cause(error), BotoCoreError)


def _cause(error: Exception) -> BaseException | None:
    return getattr(error, "cause", None) or error


def _code(error: Exception) -> str | None:
    response = getattr(_cause(error), "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return str(code) if code else None


def _reasons(error: Exception) -> list[str | None]:
    reasons = getattr(error, "cancellation_reasons", None) or []
    return [reason.code if reason is not None else None for reason in reasons]
