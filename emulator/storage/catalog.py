"""What the server knows of a database's objects: columns, tables, views, materialized views.

Each is a frozen dataclass with `to_json()`/`from_json()`, kept in `engine.objects` under its kind. Change one
with `dataclasses.replace` and put it back: the mirror must never see half a change.

A table's rows live in the DuckDB table `table.physical` (for example `default_catalog.data.t10001`), never
under the StarRocks name: rename and swap are changes of the catalog only.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

from emulator.types.sql_type import SqlType, parse_type

SYSTEM_DATABASES = ("information_schema", "sys", "_statistics_")
DUPLICATE = "DUPLICATE"
PRIMARY = "PRIMARY"
UNIQUE = "UNIQUE"
AGGREGATE = "AGGREGATE"

CURRENT_TIMESTAMP = "CURRENT_TIMESTAMP"


def quoted(name: str) -> str:
    """A DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Column:
    """One column. `type` is StarRocks' text (`varchar(20)`); `default` is the text in quotes of DEFAULT, or
    `CURRENT_TIMESTAMP`, `uuid()`, `uuid_numeric()` when `default_is_function`; `generated` is the expression
    of AS in StarRocks SQL; `aggregation` is SUM, MIN, MAX, REPLACE or REPLACE_IF_NOT_NULL in AGGREGATE KEY tables."""

    name: str
    type: str
    nullable: bool = True
    key: bool = False
    comment: str = ""
    default: str | None = None
    default_is_function: bool = False
    generated: str | None = None
    auto_increment: bool = False
    aggregation: str = ""

    @property
    def sql_type(self) -> SqlType:
        return parse_type(self.type)

    @property
    def has_default(self) -> bool:
        """True where a row may leave the column out."""
        return self.default is not None or self.nullable or self.auto_increment


@dataclass(frozen=True)
class Partition:
    """A partition that was declared, not found in the rows. Bounds and values are literals' texts.

    Range: `lower` (inclusive) and `upper` (exclusive), a text for each partition column, () = open at that side.
    List: `values`, one tuple a combination of values of the partition columns; None = NULL.
    """

    name: str
    lower: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()
    values: tuple[tuple[str | None, ...], ...] = ()

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Build from what `asdict` gave and JSON has kept."""
        values = tuple(tuple(each) for each in body.get("values") or ())
        return cls(body["name"], tuple(body.get("lower") or ()), tuple(body.get("upper") or ()), values)


@dataclass(frozen=True)
class _Object:
    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Build from what `to_json` gave; keys of older or newer versions are ignored."""
        known = {each.name for each in fields(cls)}
        return cls(**{key: value for key, value in body.items() if key in known})


@dataclass(frozen=True)
class Database(_Object):
    kind: ClassVar[str] = "database"
    name: str
    id: int
    comment: str = ""


@dataclass(frozen=True)
class Table(_Object):
    """A table, or the store of a materialized view.

    `model` is DUPLICATE, PRIMARY, UNIQUE or AGGREGATE; `keys` the key columns in order; `partition_by` the text
    after PARTITION BY for an expression (`date_trunc('day', d)`) or a list of columns, RANGE or LIST where rows do
    not make partitions; `partition_columns` the names in it; `partitions` those that were declared (of expression
    partitions only those whose name the rows would not give); `distribution` the bucket columns, empty = RANDOM.
    `temporary`: of one session, its rows on that session's cursor.
    `last_writes` maps a partition's name to the time (epoch seconds) of its last write, '' = whole table.
    """

    kind: ClassVar[str] = "table"
    db: str
    name: str
    id: int
    columns: tuple[Column, ...]
    model: str = DUPLICATE
    keys: tuple[str, ...] = ()
    comment: str = ""
    partition_by: str = ""
    partition_columns: tuple[str, ...] = ()
    partitions: tuple[Partition, ...] = ()
    distribution: tuple[str, ...] = ()
    buckets: int = 0
    order_by: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)
    indexes: tuple[str, ...] = ()
    store: int = 0
    created: float = 0.0
    temporary: bool = False

    @property
    def physical(self) -> str:
        """Name of the DuckDB table with the rows. `store` changes when the rows are rewritten."""
        place = "temp.main" if self.temporary else "default_catalog.data"
        return f"{place}.t{self.store or self.id}"

    @property
    def declared_partitions(self) -> bool:
        """True for RANGE and LIST: rows do not make partitions, those that fit none are refused."""
        return self.partition_by in ("RANGE", "LIST")

    @property
    def qualified(self) -> str:
        return f"{self.db}.{self.name}"

    @property
    def plain_columns(self) -> tuple[Column, ...]:
        """Those that a writer may name: all but generated ones."""
        return tuple(column for column in self.columns if column.generated is None)

    def column(self, name: str) -> Column | None:
        """The column of that name, in any case of letters."""
        wanted = name.lower()
        return next((column for column in self.columns if column.name.lower() == wanted), None)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        values = dict(body)
        values["columns"] = tuple(Column(**column) for column in values["columns"])
        values["partitions"] = tuple(Partition.from_json(each) for each in values.get("partitions", ()))
        for name in ("keys", "partition_columns", "distribution", "order_by", "indexes"):
            values[name] = tuple(values.get(name, ()))
        return super().from_json(values)


@dataclass(frozen=True)
class View(_Object):
    """A view: `definition` is the SELECT as StarRocks SQL; `columns` are fixed when the view is made."""

    kind: ClassVar[str] = "view"
    db: str
    name: str
    id: int
    definition: str
    columns: tuple[Column, ...]
    comment: str = ""
    security: str = "NONE"

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        values = dict(body)
        values["columns"] = tuple(Column(**column) for column in values["columns"])
        return super().from_json(values)


@dataclass(frozen=True)
class MaterializedView(_Object):
    """What a materialized view has beside its rows; the rows are a `Table` of the same db and name.

    `definition` is the SELECT as StarRocks SQL, `sources` the `db.table` that it reads, `refresh` the text
    of its REFRESH clause (`DEFERRED MANUAL`), `more` whatever its module keeps beside (a JSON object).
    """

    kind: ClassVar[str] = "materialized_view"
    db: str
    name: str
    id: int
    definition: str
    sources: tuple[str, ...] = ()
    refresh: str = "MANUAL"
    active: bool = True
    inactive_reason: str = ""
    comment: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        values = dict(body)
        values["sources"] = tuple(values.get("sources", ()))
        return super().from_json(values)


def stored_columns(columns: tuple[Column, ...]) -> str:
    """Column list of the DuckDB table: types only; rules are kept when rows are written."""
    return ", ".join(f"{quoted(column.name)} {column.sql_type.duckdb}" for column in columns)
