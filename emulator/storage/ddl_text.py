"""The text of SHOW CREATE TABLE and SHOW CREATE VIEW, as StarRocks prints it.

Recorded: `test/sql/test_alter_table`, `test/sql/test_sort_key`, `test/sql/test_view` in StarRocks' repository.
"""

from emulator.storage import declared
from emulator.storage.catalog import Column, Table, View


def column_text(column: Column) -> str:
    """One line of a table's columns."""
    if column.generated is not None:
        head = f"  `{column.name}` {column.sql_type.show} NULL AS {column.generated}"
    else:
        aggregation = f" {column.aggregation}" if column.aggregation else ""
        head = f"  `{column.name}` {column.sql_type.show}{aggregation} {'NULL' if column.nullable else 'NOT NULL'}"
        if column.auto_increment:
            head += " AUTO_INCREMENT"
        elif column.default is not None:
            head += f" DEFAULT {_default(column, column.default)}"
    return f'{head} COMMENT "{_escaped(column.comment)}"'


def _default(column: Column, text: str) -> str:
    if not column.default_is_function:
        return f'"{_escaped(text)}"'
    return text if text.startswith("CURRENT_TIMESTAMP") else f"({text})"


def create_table(table: Table) -> str:
    """SHOW CREATE TABLE: properties by name."""
    lines = [f"CREATE TABLE `{table.name}` ("]
    lines.append(",\n".join([*map(column_text, table.columns), *(f"  {index}" for index in table.indexes)]))
    lines.append(") ENGINE=OLAP ")
    lines.append(f"{table.model} KEY({_names(table.keys)})")
    if table.comment:
        lines.append(f'COMMENT "{_escaped(table.comment)}"')
    if table.declared_partitions:
        lines.append(declared.clause(table))
    elif table.partition_by:
        plain = table.partition_by == ", ".join(table.partition_columns)
        lines.append(
            f"PARTITION BY ({_names(table.partition_columns)})" if plain else f"PARTITION BY {table.partition_by}"
        )
    buckets = f" BUCKETS {table.buckets}" if table.buckets else ""
    if table.distribution:
        lines.append(f"DISTRIBUTED BY HASH({_names(table.distribution)}){buckets} ")
    else:
        lines.append(f"DISTRIBUTED BY RANDOM{buckets} ")
    if table.order_by:
        lines.append(f"ORDER BY({_names(table.order_by)})")
    properties = ",\n".join(f'"{key}" = "{value}"' for key, value in sorted(table.properties.items()))
    return "\n".join(lines) + f"\nPROPERTIES (\n{properties}\n);"


def create_view(view: View) -> str:
    """SHOW CREATE VIEW."""
    columns = ", ".join(
        f"`{column.name}`" + (f' COMMENT "{_escaped(column.comment)}"' if column.comment else "")
        for column in view.columns
    )
    comment = f'\nCOMMENT "{_escaped(view.comment)}"' if view.comment else ""
    return f"CREATE VIEW `{view.name}` ({columns}){comment} SECURITY {view.security} AS {view.definition};"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
