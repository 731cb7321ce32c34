"""Work that goes on side by side, and is over when the caller goes on (R28)."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
T = TypeVar("T")


@overload
async def together(first: Awaitable[A], second: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def together(first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], /) -> tuple[A, B, C]: ...
async def together(*works: Awaitable[Any]) -> tuple[Any, ...]:
    """The results in their order. Raises the first failure, after all have ended: asyncio.gather would leave the
    others running behind it."""
    return tuple(await all_together(works))


async def all_together(works: Iterable[Awaitable[T]]) -> list[T]:
    """The same for any number of one kind."""
    results: list[Any] = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
