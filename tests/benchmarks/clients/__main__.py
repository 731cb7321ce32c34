"""One side in a process of its own: `python -m tests.benchmarks.clients SIDE MARKET URL ACCOUNTS`.

Reads lines `ACCOUNTS ORDERS`: so many accounts at once place an order, so many times. Answers each with two numbers,
in seconds: the wall time of one time, and the processor time of one order.
"""

import asyncio
import gc
import sys
import time

from tests.benchmarks.clients.market import MARKETS, Client
from tests.benchmarks.clients.sides import connect


async def serve(client: Client, accounts: int) -> None:
    """Until standard input ends. The loop stands still between rounds: there is nothing else to do."""
    await client.open(accounts)
    try:
        print("ready", flush=True)
        for line in sys.stdin:
            print(*await measured(client, *map(int, line.split())), flush=True)
    finally:
        await client.close()


async def measured(client: Client, accounts: int, orders: int) -> tuple[float, float]:
    """Garbage of the round before is not this one's."""
    await client.warm_up(accounts)
    drafts = [[client.draft() for _ in range(accounts)] for _ in range(orders)]
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for together in drafts:
        await asyncio.gather(*(client.place(number, order) for number, order in enumerate(together)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall / orders, cpu / orders / accounts


if __name__ == "__main__":
    side, market, url, most = sys.argv[1:]
    asyncio.run(serve(connect(side, MARKETS[market], url), int(most)))
