"""Wakes the sweep with an asynchronous Lambda invoke, unless one is awake already (R27)."""

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.domain.clock import Clock
from chalicelib.domain.correlation import correlate, current_event
from chalicelib.domain.ports import Store
from chalicelib.domain.strategies import Heartbeat

logger = logging.getLogger(__name__)

_TIMEOUT = 2.0
_GATHERING = 0.02


class LambdaWaker:
    """Implements Waker. Calls that come together (a CANCEL_ALL) make one invocation.

    The client is built on the first call, for most alerts need none.
    """

    def __init__(self, store: Store, clock: Clock, function_name: str) -> None:
        self._store = store
        self._clock = clock
        self._function_name = function_name
        self._client: Any = None
        self._gathered: list[str] = []
        self._events: set[str | None] = set()
        self._call: asyncio.Future[None] | None = None

    async def wake(self, cancel_ids: Sequence[str]) -> None:
        self._gathered += cancel_ids
        self._events.add(current_event())
        if self._call is None:
            self._call = asyncio.ensure_future(self._call_once())
        await asyncio.shield(self._call)

    async def _call_once(self) -> None:
        await self._clock.sleep(_GATHERING)
        cancel_ids, self._gathered, self._call = self._gathered, [], None
        events, self._events = self._events, set()
        correlate(events.pop() if len(events) == 1 else None)
        try:
            heartbeat = await self._store.get(Heartbeat, "sweep")
            if heartbeat is not None and heartbeat.awake_until > self._clock.now():
                return
            await asyncio.to_thread(self._invoke, cancel_ids)
        except Exception as error:  # whatever it is, the schedule reaches the same end (R30)
            logger.warning("the sweep was not woken: %s", error, extra={"cancel_ids": cancel_ids})

    def _invoke(self, cancel_ids: list[str]) -> None:
        if self._client is None:
            import boto3
            from botocore.config import Config

            config = Config(connect_timeout=_TIMEOUT, read_timeout=_TIMEOUT, retries={"total_max_attempts": 1})
            self._client = boto3.client("lambda", config=config)
        payload = json.dumps(wake_up_call(cancel_ids, self._clock.now())).encode()
        self._client.invoke(FunctionName=self._function_name, InvocationType="Event", Payload=payload)
        logger.debug("the sweep was woken", extra={"cancel_ids": cancel_ids})


def wake_up_call(cancel_ids: Sequence[str], now: datetime) -> dict[str, Any]:
    """In EventBridge's form, as the schedule's own event is: the function has one way in."""
    return {
        "version": "0",
        "id": "wake-up",
        "detail-type": "Wake-up call",
        "source": "trading-bot",
        "account": "",
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "",
        "resources": [],
        "detail": {"cancel_ids": list(cancel_ids)},
    }


class SleepingWaker:
    """Wakes nobody: for the sweep itself, and where no function is named."""

    async def wake(self, cancel_ids: Sequence[str]) -> None:
        logger.debug("no wake-up call here", extra={"cancel_ids": list(cancel_ids)})
