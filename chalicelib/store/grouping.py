"""Group commit: updates that come at the same moment share one request, and stay independent of each other.

The exchanges' answers to one alert come together, and a request costs the SDK a millisecond of CPU, on the small CPU
of a Lambda several. A group is one transaction; if that does not go through at once, for whatever reason, each of its
updates is written on its own, so that nobody's conflict or failure is another's (invariant 8).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.ports import Update

WriteTogether = Callable[[Sequence["Member"]], Awaitable[bool]]
WriteAlone = Callable[["Member", bool], Coroutine[Any, Any, None]]

WINDOW = 0.001
"""Seconds that an update waits for company."""

LARGEST = 50


@dataclass(frozen=True, slots=True)
class Member:
    """One update with the id of its write, and the context of whoever asked for it: its log lines carry its ids."""

    key: str
    update: Update
    write_id: str
    context: Context = field(default_factory=copy_context, repr=False, compare=False)


@dataclass(slots=True)
class _Group:
    members: list[Member] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    written: asyncio.Task[list[BaseException | None]] | None = None


class GroupCommit:
    """`write_together` says whether the whole group was written; `write_alone` is told whether it may have been."""

    def __init__(self, write_together: WriteTogether, write_alone: WriteAlone) -> None:
        self._write_together = write_together
        self._write_alone = write_alone
        self._open: _Group | None = None

    async def commit(self, member: Member) -> None:
        """Raises what writing this update alone raises. A cancelled caller waits for the write's end (R28)."""
        group = self._open
        if group is None or member.key in group.keys or len(group.members) >= LARGEST:
            group = self._open = _Group()
            group.written = asyncio.create_task(self._run(group))
        position = len(group.members)
        group.members.append(member)
        group.keys.add(member.key)
        assert group.written is not None  # noqa: S101 - set with the group
        failure = (await to_the_end(group.written))[position]
        if failure is not None:
            raise failure

    async def _run(self, group: _Group) -> list[BaseException | None]:
        await asyncio.sleep(WINDOW)
        if self._open is group:
            self._open = None
        members = group.members
        together = len(members) > 1
        if together and await self._write_together(members):
            return [None] * len(members)
        alone = (asyncio.create_task(self._write_alone(member, together), context=member.context) for member in members)
        return await asyncio.gather(*alone, return_exceptions=True)


async def to_the_end(task: asyncio.Task[Any]) -> Any:
    """The task's result; a caller that is cancelled meanwhile waits for its end all the same (R28)."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        raise
