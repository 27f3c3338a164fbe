"""Ways round the privileges: through the engine underneath, its functions, files and names, and through loads.

A user that may read `mine` and make what it likes in its own database tries to see 4711, which is in `d.secret`.
"""

import time
from collections.abc import Iterator
from contextlib import closing

import pymysql
import pytest
import requests

from emulator.server import Server

MODEL = "duplicate key (k) distributed by hash (k) properties ('replication_num' = '1')"
ENGINE = (
    "select * from query('select * from {physical}')",
    "select * from query_table('{physical}')",
    "select * from {physical}",
    "select * from `{physical}`",
    "select * from data.{stored}",
    "select * from default_catalog.__sr.obj",
    "select * from __sr.obj",
    "select * from memory.main.{stored}",
    "select * from temp.main.system_tables",
    "select * from duckdb_tables()",
    "select * from duckdb_columns()",
    "select * from duckdb_views()",
    "select * from pragma_storage_info('{physical}')",
    "select * from pragma_table_info('{physical}')",
    "select * from information_schema.`{physical}`",
    "select * from sqlite_master",
    "select * from pg_catalog.pg_class",
    "select * from main.sqlite_master",
    "select * from table(query('select * from {physical}'))",
    "select * from table(duckdb_tables())",
    "select * from mine, lateral query('select * from {physical}')",
    "select getvariable('x')",
    "select current_setting('temp_directory')",
    "select * from read_text('/etc/hostname')",
    "select * from read_csv('/etc/passwd')",
    "select * from read_blob('{directory}/starrocks.duckdb')",
    "select * from '/etc/passwd'",
    "select * from `/etc/passwd`",
    "select * from glob('/etc/*')",
    "select * from files('path' = 'file:///etc/passwd', 'format' = 'csv')",
    "select read_text('/etc/hostname')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from parquet_scan('{directory}/spool/x.parquet')",
    "attach '{directory}/starrocks.duckdb' as x",
    "copy {physical} to '{directory}/spool/out.csv'",
    "copy mine from '/etc/passwd'",
    "export database '{directory}/spool'",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "call duckdb_tables()",
    "from {physical}",
    "table {physical}",
    "summarize {physical}",
    "checkpoint",
    "set search_path = 'default_catalog.data'",
    "set @x = (select max(k) from d.secret)",
    "prepare p from 'select * from {physical}'",
    "execute immediate 'select 1'",
)
STARROCKS = (
    "select * from d.secret",
    "select * from default_catalog.d.secret",
    "select * from `d`.`secret`",
    "select * from D.SECRET",
    "select d.secret.k from d.secret",
    "select * from d.secret partition (secret)",
    "select * from d.secret [_META_]",
    "select (select k from d.secret limit 1)",
    "select * from mine where k = (select k from d.secret)",
    "select * from mine order by (select k from d.secret)",
    "select * from mine group by k having k < (select max(k) from d.secret)",
    "select case when exists (select 1 from d.secret where k = 4711) then 1 end",
    "select * from (select * from (select * from d.secret) x) y",
    "with a as (with secret as (select * from d.secret) select * from secret) select * from a",
    "with secret as (select 1 k) select * from d.secret",
    "select max(k) over (partition by (select k from d.secret)) from mine",
    "select * from unnest((select array_agg(k) from d.secret)) as u(x)",
    "explain select * from d.secret",
    "explain analyze select * from d.secret",
    "select * from shared_view_of_invoker",
    "insert into mine select * from d.secret",
    "insert into mine values ((select max(k) from d.secret))",
    "insert into d.secret values (1)",
    "insert into d.secret select 1",
    "create table c properties ('replication_num' = '1') as select * from d.secret",
    "create table c like d.secret",
    "create view c as select * from d.secret",
    "create view c security invoker as select * from d.secret",
    "create materialized view c refresh manual as select k from d.secret",
    "alter view own as select * from d.secret",
    "create table c (k int, v int as ((select max(k) from d.secret))) properties ('replication_num' = '1')",
    "delete from mine where k in (select k from d.secret)",
    "update prime set v = (select max(k) from d.secret) where k = 1",
    "update d.secret set k = 1 where k = 2",
    "delete from d.secret where k = 1",
    "truncate table d.secret",
    "drop table d.secret",
    "alter table d.secret rename mine",
    "alter table d.secret swap with t",
    "alter table d.secret comment = 'x'",
    "desc d.secret",
    "show create table d.secret",
    "show full columns from secret from d",
    "show partitions from d.secret",
    "use d",
    "backup snapshot d.s to r",
    "execute as root with no revert",
    "set role root",
    "set role all except public",
    "grant root to thief",
    "grant select on d.secret to thief",
    "set global activate_all_roles_on_login = true",
    "admin set frontend config ('label_keep_max_num' = '1')",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(async_delay_ms=0) as running:
        with closing(connect(running, "root")) as root, root.cursor() as cursor:
            for statement in (
                "create database d",
                f"create table d.secret (k int not null) {MODEL}",
                f"create table d.t (k int not null) {MODEL}",
                "insert into d.secret values (4711)",
                "create database own",
                f"create table own.mine (k int not null) {MODEL}",
                "create table own.prime (k int not null, v int) primary key (k) distributed by hash (k)"
                " properties ('replication_num' = '1')",
                "create view own.own as select 1 k",
                "create view own.shared_view_of_invoker security invoker as select * from d.secret",
                "insert into own.mine values (1)",
                "create user thief",
                "grant all on database own to thief",
                "grant all on all tables in database own to thief",
                "grant all on all views in database own to thief",
                "grant all on all materialized views in database own to thief",
            ):
                cursor.execute(statement)
        yield running


def connect(server: Server, user: str, database: str | None = None) -> pymysql.Connection:
    return pymysql.connect(
        host="127.0.0.1", port=server.mysql_port, user=user, password="", autocommit=True, database=database
    )


@pytest.mark.parametrize("statement", [*ENGINE, *STARROCKS])
def test_it_is_refused(server: Server, statement: str) -> None:
    physical = server.engine.table("d", "secret").physical
    text = statement.format(
        physical=physical, stored=physical.rpartition(".")[2], directory=server.engine.directory.resolve()
    )
    with closing(connect(server, "thief", "own")) as thief, thief.cursor() as cursor:
        with pytest.raises(pymysql.Error) as refused:
            cursor.execute(text)
        assert "4711" not in str(refused.value.args[1]).replace("= 4711", "")
        cursor.execute("select k from mine")
        assert cursor.fetchall() == ((1,),)


def test_a_task_may_no_more_than_who_submitted_it(server: Server) -> None:
    with closing(connect(server, "thief", "own")) as thief, thief.cursor() as cursor:
        cursor.execute("submit task stealing as insert into mine select * from d.secret")
        deadline = time.monotonic() + 30
        state = None
        while state not in ("FAILED", "SUCCESS") and time.monotonic() < deadline:
            cursor.execute("select state from information_schema.task_runs where task_name = 'stealing'")
            (state,) = cursor.fetchone() or (None,)
        assert state == "FAILED"
        cursor.execute("select k from mine")
        assert cursor.fetchall() == ((1,),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("columns", "x, k = (select max(k) from d.secret)"),
        ("columns", "x, k = (select max(k) from own.mine)"),
        ("columns", "x, k = query('select 1')"),
        ("where", "k < (select max(k) from d.secret)"),
        ("where", "exists (select 1 from d.secret)"),
        ("columns", "x, k = read_text('/etc/hostname')"),
    ],
)
def test_a_load_reads_no_table(server: Server, name: str, value: str) -> None:
    answer = requests.put(
        f"http://127.0.0.1:{server.be_http_port}/api/own/mine/_stream_load",
        data=b"5\n",
        auth=("thief", ""),
        headers={"Expect": "100-continue", name: value},
        timeout=30,
    ).json()
    assert answer["Status"] == "Fail"
    assert "4711" not in answer["Message"]


def test_no_list_tells_of_it(server: Server) -> None:
    with closing(connect(server, "thief", "own")) as thief, thief.cursor() as cursor:
        cursor.execute("show tables from information_schema")
        names = [row[0] for row in cursor.fetchall()]
        asked = [f"select * from information_schema.{name}" for name in names]
        for statement in [*asked, "show databases", "show tables from d", "show materialized views from d"]:
            try:
                cursor.execute(statement)
            except pymysql.Error as error:
                assert error.args[0] == 5203, (statement, error)
                continue
            told = str(cursor.fetchall())
            assert "4711" not in told, statement
            if not statement.endswith((".loads", ".tasks", ".task_runs")):
                assert "secret" not in told.replace("shared_view_of_invoker", "").replace("d.secret", ""), statement
