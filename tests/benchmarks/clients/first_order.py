"""A fresh process that places one order: `python -m tests.benchmarks.clients.first_order SIDE MARKET URL`.

Prints the most memory that it held, in MB.
"""

import asyncio
import sys

from tests.benchmarks.clients.market import MARKETS, Client
from tests.benchmarks.clients.sides import connect


async def first_order(client: Client) -> None:
    await client.open(1)
    await client.place(0, client.draft())
    print(peak_memory())
    await client.close()


def peak_memory() -> float:
    """Of this program alone: what getrusage tells, exec hands on from the process that started it."""
    with open("/proc/self/status", encoding="ascii") as status:
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    side, market, url = sys.argv[1:]
    asyncio.run(first_order(connect(side, MARKETS[market], url)))
