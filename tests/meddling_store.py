"""A store that lets a test act between a decision and its write, or dies instead of writing."""

from collections.abc import Awaitable, Callable
from typing import Any

from chalicelib.domain.ports import Change

Meddle = Callable[[tuple[Change, ...]], Awaitable[None]]


class ProcessDiedError(BaseException):
    """Not an Exception, so that no handler of ours survives it, as none survives kill -9."""


class MeddlingStore:
    """Delegates everything; `before_commit` runs first, once for each commit that `wanted` picks."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.commits: list[tuple[Change, ...]] = []
        self.before_commit: Meddle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, *changes: Change) -> None:
        meddle = self.before_commit
        if meddle is not None:
            await meddle(changes)
        await self._store.commit(*changes)
        self.commits.append(changes)
