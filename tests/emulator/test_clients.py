"""Clients that nobody here wrote: the MariaDB command line, SQLAlchemy with the `starrocks` dialect."""

import shutil
import subprocess

import pytest
import sqlalchemy
from sqlalchemy import Column, Integer, MetaData, String, Table, inspect, select

from emulator.server import Server


def test_the_mariadb_command_line(server: Server) -> None:
    program = shutil.which("mariadb") or shutil.which("mysql")
    if program is None:
        pytest.skip("neither mariadb nor mysql is installed")
    script = """create database c; use c;
        create table t (k int not null, s varchar(20)) primary key (k) distributed by hash (k);
        insert into t values (1, 'one'), (2, null); select * from t order by k; show tables; delete from t where k = 1;
        select count(*) from t;"""
    done = subprocess.run(
        [program, "-h127.0.0.1", f"-P{server.mysql_port}", "-uroot", "--skip-ssl", "-e", script],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "k\ts\n1\tone\n2\tNULL\nTables_in_c\nt\ncount(*)\n1\n"


def test_sqlalchemy_makes_inspects_and_reads_tables(server: Server) -> None:
    engine = sqlalchemy.create_engine(f"starrocks://root@127.0.0.1:{server.mysql_port}/")
    with engine.begin() as connection:
        connection.exec_driver_sql("create database if not exists alchemy")
    engine.dispose()
    engine = sqlalchemy.create_engine(f"starrocks://root@127.0.0.1:{server.mysql_port}/alchemy")
    metadata = MetaData()
    table = Table(
        "person",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("name", String(20)),
        starrocks_primary_key="id",
        starrocks_distributed_by="HASH(id)",
        starrocks_properties={"replication_num": "1"},
    )
    metadata.create_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}])
        assert connection.execute(select(table.c.name).order_by(table.c.id)).scalars().all() == ["Ada", "Grace"]
    seen = inspect(engine)
    assert seen.get_table_names() == ["person"]
    assert [column["name"] for column in seen.get_columns("person")] == ["id", "name"]
    metadata.drop_all(engine)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
