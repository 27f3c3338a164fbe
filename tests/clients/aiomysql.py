# /// script
# dependencies = ["aiomysql==0.3.2", "pymysql==1.2.4"]
# [tool.client]
# package = "aiomysql"
# runs = "a pool of many connections at once, transactions, streaming rows"
# ///
"""aiomysql: asyncio on PyMySQL."""

import asyncio
from typing import Any

import aiomysql
from programme import HOST, PORT, check, connect, rows, run


def pool(size: int) -> Any:
    return aiomysql.create_pool(host=HOST, port=PORT, user="root", password="", maxsize=size, autocommit=True)


@check
def sixteen_writers_at_once() -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create database aio")
        cursor.execute("create table aio.t (k int not null, v int) primary key (k) distributed by hash (k)")

    async def write(connections: Any, key: int) -> None:
        async with connections.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute("insert into aio.t values (%s, %s)", (key, key * 2))

    async def every() -> None:
        async with pool(16) as connections:
            await asyncio.gather(*(write(connections, key) for key in range(64)))

    asyncio.run(every())
    assert rows("select count(*), sum(v) from aio.t") == [(64, 4032)]


@check
def a_transaction_is_rolled_back() -> None:
    async def undone() -> None:
        async with pool(1) as connections, connections.acquire() as connection, connection.cursor() as cursor:
            await connection.begin()
            await cursor.execute("delete from aio.t where k = 1")
            await connection.rollback()

    asyncio.run(undone())
    assert rows("select count(*) from aio.t") == [(64,)]


@check
def rows_are_streamed() -> None:
    async def counted() -> int:
        async with (
            pool(1) as connections,
            connections.acquire() as connection,
            connection.cursor(aiomysql.SSCursor) as cursor,
        ):
            await cursor.execute("select generate_series from TABLE(generate_series(1, 50000))")
            return sum([1 async for _ in cursor])

    assert asyncio.run(counted()) == 50000


if __name__ == "__main__":
    run()
