# What one writes with Python: aiohttp, the csv module, a bounded number of workers, retries with backoff. No ledger.
import asyncio
import csv
import json
import random
import sys
from urllib.parse import quote

import aiohttp


async def create(session, url, row):
    for attempt in range(6):
        if attempt:
            await asyncio.sleep(random.uniform(0, 2**attempt))
        path = f"{url}/contacts/{quote(row['contactId'], safe='')}/memories"
        try:
            async with session.post(path, json={"name": row["name"], "text": row["text"]}) as response:
                if response.status == 201:
                    return (await response.json())["data"]["id"]
                if response.status != 429 and response.status < 500:
                    raise SystemExit(f"refused with {response.status}")
        except aiohttp.ClientConnectionError:
            pass
    return None


async def main(path, url, connections):
    created = 0

    async def work(rows, session):
        nonlocal created
        # One iterator for all workers: a row is read when somebody is free for it.
        for row in rows:
            if await create(session, url, row) is not None:
                created += 1

    connector = aiohttp.TCPConnector(limit=connections)
    timeout = aiohttp.ClientTimeout(total=30)
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers={"authorization": "key"}) as session:
            await asyncio.gather(*(work(rows, session) for _ in range(connections)))
    print(json.dumps({"rows": created}))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
