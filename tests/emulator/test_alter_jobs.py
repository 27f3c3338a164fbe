"""ALTER TABLE that rewrites rows is a job: its states, what waits for it, how it ends."""

import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from emulator.server import Server

DELAY_MS = 150


class Client:
    """A connection to the server, its texts as the wire has them."""

    def __init__(self, server: Server, database: str | None = "d") -> None:
        self.connection = pymysql.connect(
            host="127.0.0.1", port=server.mysql_port, user="root", database=database, autocommit=True, conv={}
        )

    def run(self, sql: str) -> list[tuple[str, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def refused(self, sql: str) -> str:
        with pytest.raises(pymysql.Error) as caught:
            self.run(sql)
        return str(caught.value.args[1])

    def job(self) -> tuple[str, str]:
        """(State, Msg) of the latest job."""
        row = self.run("show alter table column")[-1]
        return row[9], row[10]

    def types(self) -> list[str]:
        return [row[1] for row in self.run("desc t")]

    def wait(self, state: str) -> list[str]:
        """Every state seen until the latest job is in `state`."""
        seen: list[str] = []
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            now = self.job()[0]
            if not seen or seen[-1] != now:
                seen.append(now)
            if now == state:
                return seen
            time.sleep(0.01)
        raise AssertionError(f"the job is not {state}: {seen}")


@pytest.fixture
def client() -> Iterator[Client]:
    with Server(async_delay_ms=DELAY_MS) as server:
        Client(server, None).run("create database d")
        found = Client(server)
        found.run("create table t (k int, v int) duplicate key (k) distributed by hash (k)")
        found.run("insert into t values (1, 1), (2, 2)")
        yield found
        found.connection.close()


def test_a_change_of_type_goes_through_the_states_and_is_seen_at_their_end(client: Client) -> None:
    client.run("alter table t modify column v bigint")
    assert client.types() == ["int", "int"]
    assert client.wait("FINISHED") == ["PENDING", "WAITING_TXN", "RUNNING", "FINISHED"]
    assert client.types() == ["int", "bigint"]
    assert client.run("select * from t order by k") == [("1", "1"), ("2", "2")]


def test_rows_that_come_while_the_job_runs_are_in_the_table_after_it(client: Client) -> None:
    client.run("alter table t modify column v bigint")
    client.wait("RUNNING")
    client.run("insert into t values (3, 3)")
    client.wait("FINISHED")
    assert client.run("select count(*), sum(v) from t") == [("3", "6")]


def test_a_table_that_changes_takes_no_other_change(client: Client) -> None:
    client.run("alter table t modify column v bigint")
    message = "A schema change operation is in progress on the table t."
    for statement in ("alter table t add column w int", "alter table t rename u", "truncate table t"):
        assert message in client.refused(statement)
    client.wait("FINISHED")
    client.run("alter table t add column w int")
    assert client.types() == ["int", "bigint", "int"]


def test_what_fast_schema_evolution_does_is_done_at_once(client: Client) -> None:
    client.run("alter table t add column w varchar(3) default 'x'")
    assert client.job()[0] == "FINISHED"
    assert client.run("select w from t where k = 1") == [("x",)]


def test_without_fast_schema_evolution_a_new_column_is_a_job_too(client: Client) -> None:
    client.run("drop table t")
    client.run('create table t (k int, v int) distributed by hash (k) properties ("fast_schema_evolution" = "false")')
    client.run("alter table t add column w int")
    assert client.job()[0] == "PENDING"
    client.wait("FINISHED")
    assert client.types() == ["int", "int", "int"]


def test_a_cancelled_job_leaves_the_table_as_it_was(client: Client) -> None:
    client.run("alter table t modify column v bigint")
    client.run("cancel alter table column from t")
    assert client.job() == ("CANCELLED", "user cancelled")
    assert client.types() == ["int", "int"]
    client.run("alter table t add column w int")


def test_a_job_whose_rows_do_not_fit_is_cancelled(client: Client) -> None:
    client.run("drop table t")
    client.run("create table t (k int, v varchar(10)) duplicate key (k) distributed by hash (k)")
    client.run("insert into t values (1, '7'), (2, 'seven')")
    client.run("alter table t modify column v int")
    client.wait("CANCELLED")
    assert client.types() == ["int", "varchar(10)"]
    client.run("delete from t where k = 2")
    client.run("alter table t modify column v int")
    client.wait("FINISHED")
    assert client.run("select v from t") == [("7",)]


def test_a_table_that_goes_takes_its_job_with_it(client: Client) -> None:
    client.run("alter table t modify column v bigint")
    client.run("drop table t")
    client.wait("CANCELLED")


def test_a_key_that_goes_aggregates_the_rows_anew(client: Client) -> None:
    client.run("create table a (k int, l int, s bigint sum) aggregate key (k, l) distributed by hash (k)")
    client.run("insert into a values (1, 1, 10), (1, 2, 20)")
    client.run("alter table a drop column l")
    client.wait("FINISHED")
    assert client.run("select * from a") == [("1", "30")]


def test_a_generated_column_is_computed_for_the_rows_that_are_there(client: Client) -> None:
    client.run("alter table t add column g bigint as (v + 1)")
    client.wait("FINISHED")
    assert client.run("select g from t order by k") == [("2",), ("3",)]


def test_a_transaction_that_is_open_meanwhile_commits_into_the_new_shape(client: Client) -> None:
    client.run("begin")
    client.run("insert into t values (3, 3)")
    second = pymysql.connect(host="127.0.0.1", port=client.connection.port, user="root", database="d", autocommit=True)
    with second, second.cursor() as cursor:
        cursor.execute("alter table t add column w int default '4'")
    client.run("commit")
    assert client.run("select * from t where k = 3") == [("3", "3", "4")]


def test_a_job_goes_on_after_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path, async_delay_ms=60_000) as server:
        Client(server, None).run("create database d")
        client = Client(server)
        client.run("create table t (k int, v int) duplicate key (k) distributed by hash (k)")
        client.run("insert into t values (1, 1)")
        client.run("alter table t modify column v bigint")
        assert client.job()[0] == "PENDING"
    with Server(tmp_path, async_delay_ms=10) as server:
        client = Client(server)
        client.wait("FINISHED")
        assert client.types() == ["int", "bigint"]
        assert client.run("select * from t") == [("1", "1")]


def test_a_temporary_table_is_of_one_session_only(client: Client) -> None:
    client.run("create temporary table x (k int) duplicate key (k) distributed by hash (k)")
    client.run("insert into x values (1)")
    second = pymysql.connect(host="127.0.0.1", port=client.connection.port, user="root", database="d", autocommit=True)
    with second, second.cursor() as cursor, pytest.raises(pymysql.Error, match="Unknown table"):
        cursor.execute("select * from x")
    assert client.run("select * from x") == [("1",)]
