# /// script
# dependencies = ["starrocks==1.3.4", "sqlalchemy==2.0.58", "pandas==3.1.1", "alembic==1.17.2", "pymysql==1.2.4"]
# [tool.client]
# package = "starrocks"
# runs = "create_all of tables, views, materialized views; inspector; reflection; ORM; pandas; alembic's comparison"
# ///
"""SQLAlchemy with the dialect of the `starrocks` package, pandas on top of it."""

import datetime
from decimal import Decimal

import pandas
import sqlalchemy
import starrocks.alembic  # noqa: F401  (it registers itself)
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from programme import HOST, PORT, check, connect, rows, run
from sqlalchemy import Column, MetaData, Table, func, inspect, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starrocks import BIGINT, DATE, DATETIME, DECIMAL, INTEGER, JSON, LARGEINT, VARCHAR
from starrocks.alembic.compare import include_object_for_view_mv
from starrocks.sql.ddl import CreateView
from starrocks.sql.schema import MaterializedView, View

METADATA = MetaData()
PERSON = Table(
    "person",
    METADATA,
    Column("id", BIGINT, primary_key=True, autoincrement=False, comment="who"),
    Column("name", VARCHAR(20), nullable=False),
    Column("balance", DECIMAL(20, 4)),
    Column("born", DATE),
    Column("seen", DATETIME),
    Column("big", LARGEINT),
    Column("more", JSON),
    starrocks_primary_key="id",
    starrocks_distributed_by="HASH(id) BUCKETS 2",
    starrocks_order_by="name",
    starrocks_properties={"replication_num": "1"},
    comment="people",
)
ADULTS = View(
    "adults", METADATA, definition="SELECT id, name FROM person WHERE born < '2008-01-01'", comment="grown up"
)
COUNTS = MaterializedView(
    "counts",
    METADATA,
    definition="SELECT name, COUNT(*) AS n FROM person GROUP BY name",
    starrocks_distributed_by="HASH(name)",
    starrocks_refresh="MANUAL",
    starrocks_properties={"replication_num": "1"},
)
PEOPLE = [
    {"id": 1, "name": "Ada", "balance": Decimal("10.5000"), "born": datetime.date(1815, 12, 10),
     "seen": datetime.datetime(2026, 1, 1, 12), "big": 2**100, "more": {"a": [1, None]}},
    {"id": 2, "name": "Grace", "balance": None, "born": None, "seen": None, "big": None, "more": None},
]  # fmt: skip


def engine() -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(f"starrocks://root@{HOST}:{PORT}/alchemy")


@check
def create_all_makes_tables_views_and_materialized_views() -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create database alchemy")
    METADATA.create_all(engine(), tables=[PERSON, COUNTS])
    METADATA.create_all(engine(), tables=[PERSON, COUNTS])
    with engine().begin() as connection:
        connection.execute(CreateView(ADULTS))  # create_all of 1.3.4 stumbles over views, before it asks any server
    kinds = rows("select table_name, table_type from information_schema.tables where table_schema = 'alchemy'")
    assert sorted(kinds) == [("adults", "VIEW"), ("counts", "VIEW"), ("person", "BASE TABLE")], kinds


@check
def insert_and_select() -> None:
    with engine().begin() as connection:
        connection.execute(PERSON.insert(), PEOPLE)
        found = connection.execute(select(PERSON).order_by(PERSON.c.id)).mappings().all()
    assert [dict(row) | {"more": None, "big": None} for row in found] == [
        person | {"more": None, "big": None} for person in PEOPLE
    ], found
    assert rows("select more, big from alchemy.person where id = 1") == [('{"a": [1, null]}', str(2**100))]


@check
def update_delete_and_aggregate() -> None:
    with engine().begin() as connection:
        assert connection.execute(PERSON.update().where(PERSON.c.id == 2).values(balance=Decimal("1.25"))).rowcount == 1
        connection.execute(PERSON.insert(), {"id": 3, "name": "Ada"})
        assert connection.execute(PERSON.delete().where(PERSON.c.id == 3)).rowcount == 1
        total = connection.execute(select(func.sum(PERSON.c.balance), func.count())).one()
    assert total == (Decimal("11.7500"), 2), total


@check
def the_inspector_sees_what_is_there() -> None:
    seen = inspect(engine())
    assert "alchemy" in seen.get_schema_names()
    assert seen.get_table_names() == ["person"], seen.get_table_names()
    assert seen.get_view_names() == ["adults"], seen.get_view_names()
    assert seen.get_materialized_view_names() == ["counts"], seen.get_materialized_view_names()
    kinds = {column["name"]: (str(column["type"]), column["nullable"]) for column in seen.get_columns("person")}
    assert kinds == {
        "id": ("BIGINT", False), "name": ("VARCHAR(20)", False), "balance": ("DECIMAL(20, 4)", True),
        "born": ("DATE", True), "seen": ("DATETIME", True), "big": ("LARGEINT", True), "more": ("JSON", True),
    }, kinds  # fmt: skip
    assert seen.get_table_comment("person") == {"text": "people"}
    assert seen.get_pk_constraint("person")["constrained_columns"] in (["id"], []), seen.get_pk_constraint("person")
    assert seen.has_table("person") and not seen.has_table("nobody")


@check
def a_reflected_table_has_its_options() -> None:
    table = Table("person", MetaData(), autoload_with=engine())
    options = {name: str(value) for name, value in table.dialect_options["starrocks"].items() if value is not None}
    assert options["primary_key"].replace("`", "") == "id", options
    assert options["distributed_by"].replace("`", "") == "HASH(id) BUCKETS 2", options
    assert options["order_by"].replace("`", "") == "name", options
    assert [column.name for column in table.columns] == [column.name for column in PERSON.columns]


@check
def views_are_reflected() -> None:
    seen = inspect(engine().connect())
    assert "born" in seen.get_view_definition("adults")
    view = seen.get_materialized_view("counts")
    assert view.name == "counts" and "count(" in view.definition.lower(), view
    with engine().begin() as connection:
        connection.execute(text("refresh materialized view counts with sync mode"))
        assert connection.execute(text("select * from counts order by name")).all() == [("Ada", 1), ("Grace", 1)]
        assert connection.execute(text("select * from adults")).all() == [(1, "Ada")]


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    __table_args__ = ({"starrocks_primary_key": "id", "starrocks_distributed_by": "HASH(id)"},)
    id: Mapped[int] = mapped_column(INTEGER, primary_key=True, autoincrement=False)
    words: Mapped[str | None] = mapped_column(VARCHAR(100))


@check
def the_orm_writes_and_reads() -> None:
    Base.metadata.create_all(engine())
    with Session(engine()) as session:
        session.add_all([Note(id=1, words="first"), Note(id=2, words="it's")])
        session.commit()
        note = session.get(Note, 2)
        assert note is not None and note.words == "it's"
        note.words = "changed"
        session.commit()
        session.delete(session.get(Note, 1))
        session.commit()
    assert rows("select * from alchemy.note") == [(2, "changed")]


@check
def pandas_writes_and_reads() -> None:
    frame = pandas.DataFrame({"k": [1, 2, 3], "f": [0.5, None, 2.5], "s": ["a", "é", None]})
    with connect(database="alchemy") as connection, connection.cursor() as cursor:
        cursor.execute("create table frame (k bigint, f double, s varchar(20)) duplicate key (k)")
    assert frame.to_sql("frame", engine(), if_exists="append", index=False) == 3
    assert rows("select * from alchemy.frame order by k") == [(1, 0.5, "a"), (2, None, "é"), (3, 2.5, None)]
    back = pandas.read_sql("select * from frame order by k", engine())
    pandas.testing.assert_frame_equal(back, frame)
    assert pandas.read_sql_table("frame", engine())["k"].sum() == 6


@check
def pandas_makes_a_table() -> None:
    frame = pandas.DataFrame({"k": [1, 2], "at": pandas.to_datetime(["2026-01-01 10:00", "2026-01-02 00:00"])})
    frame.to_sql("made", engine(), index=False)
    frame.to_sql("made", engine(), index=False, if_exists="replace")
    assert rows("select k, cast(at as varchar) from alchemy.made order by k") == [
        (1, "2026-01-01 10:00:00"), (2, "2026-01-02 00:00:00"),
    ]  # fmt: skip


@check
def alembic_sees_no_difference() -> None:
    with engine().begin() as connection:
        connection.execute(text("drop table if exists note"))
        connection.execute(text("drop table if exists frame"))
        connection.execute(text("drop table if exists made"))
        options = {"include_object": include_object_for_view_mv, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, METADATA)
    assert differences == [], differences


@check
def drop_all_leaves_nothing() -> None:
    with engine().begin() as connection:
        connection.execute(text("drop materialized view counts"))  # StarRocks refuses the DROP TABLE of drop_all
        connection.execute(text("drop view adults"))
    METADATA.drop_all(engine(), tables=[PERSON])
    assert rows("select table_name from information_schema.tables where table_schema = 'alchemy'") == []


if __name__ == "__main__":
    run()
