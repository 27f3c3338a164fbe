"""docs/privileges.md, executed: a whole night of the demo with the grants that it names, and what they do not allow.

The statements are taken from the page. The jobs are started as in the demo, by the accounts that the page gives them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pymysql
import pytest
import requests

from examples.playground import Playground, open_playground
from lib import crontab

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "privileges.md"
NIGHT = date(2026, 10, 31)
BLOCK = re.compile(r"^```sql ?(?P<when>[^\n]*)\n(?P<sql>.*?)^```", re.MULTILINE | re.DOTALL)
PASSWORD = "change me"
TABLES = (
    "fact_sales",
    "v_sales",
    "mv_sales_daily",
    "dim_sales_access",
    "dim_customer",
    "ops_quarantine",
    "ops_job_run",
)


@dataclass
class Warehouse:
    """A warehouse after one night, by the accounts of the page; `exits` are the exit codes of its jobs."""

    playground: Playground
    exits: dict[str, int]
    stderr: dict[str, str]

    def rows(self, user: str, *statements: str) -> list[tuple]:
        """The rows of the last statement, for a user."""
        with closing(self._connect(user)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def refused(self, user: str, statement: str) -> str:
        """The privilege and the object that a statement is refused for."""
        with pytest.raises(pymysql.Error) as refusal:
            self.rows(user, statement)
        code, text = refusal.value.args
        assert code == 5203, (statement, text)
        found = re.search(r"the (.+) privilege\(s\) on (.+) for this operation", text)
        assert found is not None, text
        return f"{found[1]} on {found[2]}"

    def run(self, user: str, job: str, at: datetime, *options: str) -> None:
        """Runs a job as a process, as a user."""
        environment = {
            **self.playground.environment(),
            "NIGHTSHIFT_NOW": at.isoformat(timespec="seconds"),
            "STARROCKS_USER": user,
            "STARROCKS_PASSWORD": PASSWORD,
        }
        del environment["STARROCKS_PASSWORD_FILE"]
        words = [str(REPOSITORY / "run"), job, *options, "--json"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=240, check=False)
        self.exits[job], self.stderr[job] = done.returncode, done.stderr[-2000:] + done.stdout[-2000:]

    def _connect(self, user: str) -> pymysql.Connection:
        password = "" if user == "root" else PASSWORD
        port = self.playground.ports["mysql_port"]
        return pymysql.connect(host="127.0.0.1", port=port, user=user, password=password, autocommit=True)


def statements(when: str = "") -> list[str]:
    """The statements of the page's blocks that are marked so."""
    blocks = BLOCK.finditer(PAGE.read_text(encoding="utf-8"))
    chosen = [found["sql"] for found in blocks if found["when"] == when]
    return [part.strip() for sql in chosen for part in sql.split(";") if part.strip()]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    directory = tmp_path_factory.mktemp("privileges") / "demo"
    noon = datetime.combine(NIGHT, datetime.min.time()) + timedelta(hours=12)
    with open_playground(directory, NIGHT - timedelta(days=3), 0.1, 1, NIGHT + timedelta(days=9)) as playground:
        made = Warehouse(playground, {}, {})
        playground.sources.fill(NIGHT - timedelta(days=1))
        made.rows("root", *statements())
        made.run("nightshift_owner", "migrate", noon)
        made.rows("root", *statements("after migrate"))
        made.run("nightshift", "load_history", noon + timedelta(minutes=10))
        playground.sources.fill(NIGHT)
        for entry in crontab.night(crontab.entries(REPOSITORY / "crontab")):
            made.run("nightshift", entry.job, noon + timedelta(minutes=entry.minute_of_night or 0), *entry.options)
        yield made


def test_every_job_of_the_night_is_done_with_these_grants(warehouse: Warehouse) -> None:
    jobs = [entry.job for entry in crontab.night(crontab.entries(REPOSITORY / "crontab"))]
    assert set(jobs) < set(warehouse.exits)
    failed = {job: warehouse.stderr[job] for job, code in warehouse.exits.items() if code != 0}
    assert not failed, json.dumps(failed, indent=1)
    assert warehouse.rows("root", "select count(*) from dw.fact_sales")[0][0] > 0


def test_doctor_says_what_the_account_of_the_night_cannot_see(warehouse: Warehouse) -> None:
    warehouse.run("nightshift", "doctor", datetime(2026, 11, 1, 11))
    told = warehouse.stderr.pop("doctor")
    assert warehouse.exits.pop("doctor") == 0, told
    assert "needs the privilege OPERATE ON SYSTEM" in told


def test_a_second_migrate_changes_nothing_and_needs_no_more(warehouse: Warehouse) -> None:
    warehouse.run("nightshift_owner", "migrate", datetime(2026, 11, 1, 12))
    assert warehouse.exits["migrate"] == 0, warehouse.stderr["migrate"]


def test_a_table_is_replaced_with_what_the_page_grants_for_it(warehouse: Warehouse) -> None:
    at, options = datetime(2026, 11, 1, 13), ("--full", "--only", "fact_sales")
    before = warehouse.rows("root", "select count(*) from dw.fact_sales")
    warehouse.run("nightshift_owner", "load_history", at, *options)
    assert warehouse.exits.pop("load_history") != 0
    granted = statements("for a full load")
    warehouse.rows("root", *granted)
    warehouse.run("nightshift_owner", "load_history", at + timedelta(minutes=1), *options)
    warehouse.rows("root", *(text.replace("GRANT", "REVOKE").replace("TO ROLE", "FROM ROLE") for text in granted))
    assert warehouse.exits["load_history"] == 0, warehouse.stderr["load_history"]
    assert warehouse.rows("root", "select count(*) from dw.fact_sales") == before


def test_a_reader_sees_the_rows_of_its_regions(warehouse: Warehouse) -> None:
    everything = dict(warehouse.rows("root", "select region, count(*) from dw.v_sales group by region"))
    seen = dict(warehouse.rows("anna", "select region, count(*) from dw.v_sales_regional group by region"))
    assert seen == {"north": everything["north"]}
    assert set(everything) > {"north", "south"}
    assert warehouse.rows("anna", "select count(*) from dw.v_sales_regional where region <> 'north'") == [(0,)]
    all_regions = dict(warehouse.rows("dora", "select region, count(*) from dw.v_sales_regional group by region"))
    assert all_regions == everything


def test_an_account_without_a_row_in_the_list_sees_nothing(warehouse: Warehouse) -> None:
    create = f"create user if not exists emil identified by '{PASSWORD}' default role sales_reader"
    warehouse.rows("root", create)
    assert warehouse.rows("emil", "select count(*) from dw.v_sales_regional") == [(0,)]


def test_a_policy_is_in_force_at_the_next_query(warehouse: Warehouse) -> None:
    with closing(warehouse._connect("anna")) as connection, connection.cursor() as cursor:
        question = "select count(distinct region) from dw.v_sales_regional"
        cursor.execute(question)
        assert cursor.fetchall() == ((1,),)
        warehouse.rows("root", "insert into dw.dim_sales_access values ('\\'anna\\'@\\'%\\'', 'south')")
        cursor.execute(question)
        assert cursor.fetchall() == ((2,),)
        warehouse.rows(
            "root", "delete from dw.dim_sales_access where principal = '\\'anna\\'@\\'%\\'' and region = 'south'"
        )
        cursor.execute(question)
        assert cursor.fetchall() == ((1,),)


def test_a_reader_reaches_nothing_but_its_view(warehouse: Warehouse) -> None:
    kinds = {"v_sales": "VIEW", "mv_sales_daily": "MATERIALIZED VIEW"}
    for name in TABLES:
        told = warehouse.refused("anna", f"select * from dw.{name}")
        assert told == f"SELECT on {kinds.get(name, 'TABLE')} {name}"
    warehouse.rows("root", "create table dw_stage.left_over (k int) properties ('replication_num' = '1')")
    assert warehouse.refused("anna", "select * from dw_stage.left_over") == "SELECT on TABLE left_over"
    warehouse.rows("root", "drop table dw_stage.left_over")
    for statement in (
        "explain select * from dw.fact_sales",
        "select * from dw.v_sales_regional where customer_id in (select customer_id from dw.fact_sales)",
        "insert into dw.dim_sales_access values ('x', 'south')",
        "create table dw.mine as select * from dw.v_sales_regional",
        "create view dw.mine as select * from dw.v_sales_regional",
        "delete from dw.dim_sales_access where region = 'x'",
        "desc dw.fact_sales",
        "show create table dw.fact_sales",
        "use dw_stage",
        "show backup from dw",
        "show frontends",
        "set global query_timeout = 10",
        "grant sales_admin to anna",
        "execute as dora with no revert",
    ):
        warehouse.refused("anna", statement)
    with pytest.raises(pymysql.Error, match="is not granted to"):
        warehouse.rows("anna", "set role sales_admin")


def test_what_a_reader_may_not_see_is_in_no_list(warehouse: Warehouse) -> None:
    assert warehouse.rows("anna", "show databases") == [("dw",), ("information_schema",)]
    assert warehouse.rows("anna", "show tables from dw") == [("v_sales_regional",)]
    listed = "select table_schema, table_name from information_schema.{} where table_schema like 'dw%'"
    for name in ("tables", "columns", "views", "tables_config", "materialized_views"):
        found = set(warehouse.rows("anna", listed.format(name)))
        assert found <= {("dw", "v_sales_regional")}, name
    assert warehouse.rows("anna", "select count(*) from information_schema.partitions_meta") == [(0,)]
    assert warehouse.rows("anna", "show materialized views from dw") == []


def test_a_reader_loads_nothing_over_http(warehouse: Warehouse) -> None:
    port = warehouse.playground.ports["http_port"]
    answer = requests.put(
        f"http://127.0.0.1:{port}/api/dw/dim_sales_access/_stream_load",
        data=b"'anna'@'%'\tsouth\n",
        auth=("anna", PASSWORD),
        headers={"Expect": "100-continue"},
        timeout=30,
    )
    assert answer.status_code == 401


def test_the_account_of_the_night_makes_and_drops_nothing_in_the_warehouse(warehouse: Warehouse) -> None:
    expected = {
        "drop table dw.fact_sales": "DROP on TABLE fact_sales",
        "truncate table dw.fact_sales": "DELETE on TABLE fact_sales",
        "delete from dw.fact_sales where line_no = 1": "DELETE on TABLE fact_sales",
        "update dw.fact_sales set note = 'x' where line_no = 1": "UPDATE on TABLE fact_sales",
        "alter table dw.fact_sales comment = 'x'": "ALTER on TABLE fact_sales",
        "create table dw.x (k int) properties ('replication_num' = '1')": "CREATE TABLE on DATABASE dw",
        "create view dw.x as select 1 as one": "CREATE VIEW on DATABASE dw",
        "alter view dw.v_sales_regional as select * from dw.v_sales": "ALTER on VIEW v_sales_regional",
        "drop view dw.v_sales_regional": "DROP on VIEW v_sales_regional",
        "drop materialized view dw.mv_sales_daily": "DROP on MATERIALIZED VIEW mv_sales_daily",
        "drop database dw": "DROP on DATABASE dw",
        "create database x": "CREATE DATABASE on CATALOG default_catalog",
        "grant select on dw.fact_sales to anna": "GRANT on SYSTEM",
        "create user x": "GRANT on SYSTEM",
        "admin show frontend config": "OPERATE on SYSTEM",
    }
    assert {text: warehouse.refused("nightshift", text) for text in expected} == expected


def test_no_grant_of_the_page_is_too_much_for_the_night(warehouse: Warehouse) -> None:
    """The page grants by name what its readers may see, and nothing on SYSTEM but REPOSITORY."""
    shown = [row[2] for row in warehouse.rows("root", "show grants for role sales_reader")]
    assert shown == ["GRANT SELECT ON VIEW dw.v_sales_regional TO ROLE 'sales_reader'"]
    system = warehouse.rows(
        "root",
        "select grantee, privilege_type from sys.grants_to_roles where object_type = 'SYSTEM'",
    )
    assert system == [("nightshift_keeper", "REPOSITORY")]
    assert warehouse.rows("root", "select * from sys.grants_to_users") == []
