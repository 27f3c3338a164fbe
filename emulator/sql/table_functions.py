"""Functions in FROM that give rows: unnest, generate_series, json_each, with or without LATERAL.

Each becomes a subquery that DuckDB joins laterally. Meaning: `docs/en/sql-reference/sql-functions/table-functions/`;
recorded: `test/sql/test_unnest`, `test/sql/test_generate_series`.
"""

from sqlglot import exp

from emulator.errors import analysis
from emulator.functions.spec import no_match
from emulator.sql.expressions import Expressions
from emulator.sql.scope import Columns, Scope, Source
from emulator.types.coercion import JSON, TEXT, call, common, to_type, type_of
from emulator.types.sql_type import SqlType


class TableFunctions(Expressions):
    """The part of the walk that reads functions in FROM."""

    def table_function(self, node: exp.Expr, alias: exp.TableAlias | None, scope: Scope) -> exp.Expr:
        """The subquery that stands for a call; its columns are put into the scope."""
        name = "unnest" if isinstance(node, exp.Unnest) else node.name.lower()
        arguments = [self._argument(each, scope) for each in node.expressions]
        if name == "unnest":
            made = _unnest(arguments)
        elif name == "generate_series":
            made = _series(arguments)
        elif name == "json_each":
            made = _json_each(arguments)
        else:
            raise analysis(f"Unknown table function '{name}({', '.join(_shown(each) for each in arguments)})'")
        table = alias.name if alias is not None and alias.this is not None else name
        names = [each.name for each in alias.columns] if alias is not None else []
        if names and len(names) != len(made):
            raise analysis(
                f"Table function {name} has {len(made)} columns available but {len(names)} columns specified"
            )
        columns: Columns = [(names[at] if names else made[at][0], kind) for at, (_, _, kind) in enumerate(made)]
        scope.add(Source(table, columns))
        items = [exp.alias_(value, f"c{at}", quoted=True, copy=False) for at, (_, value, _) in enumerate(made)]
        return exp.Lateral(
            this=exp.Subquery(this=exp.Select(expressions=items)),
            alias=table_alias(table, [each for each, _ in columns]),
        )

    def _argument(self, node: exp.Expr, scope: Scope) -> exp.Expr:
        return self.expression(node.expression if isinstance(node, exp.Kwarg) else node, scope)


# name of the column, value, type
Made = list[tuple[str, exp.Expr, SqlType | None]]


def _unnest(arguments: list[exp.Expr]) -> Made:
    """Several arrays side by side; the shorter ones are filled with NULL."""
    made: Made = []
    for each in arguments:
        kind = type_of(each)
        if kind is not None and kind.name not in ("array", "null"):
            raise no_match("unnest", [type_of(argument) for argument in arguments])
        made.append(("unnest", call("unnest", each), kind.items[0] if kind is not None and kind.items else None))
    return made


def _series(arguments: list[exp.Expr]) -> Made:
    kinds = [type_of(each) for each in arguments]
    kind = common(kinds)
    if len(arguments) not in (2, 3) or (kind is not None and not kind.is_integer):
        listed = ", ".join(_shown(each) for each in arguments)
        raise analysis(f"Unknown table function 'generate_series({listed})'")
    return [("generate_series", call("unnest", call("generate_series", *arguments)), kind)]


def _json_each(arguments: list[exp.Expr]) -> Made:
    if len(arguments) != 1:
        raise no_match("json_each", [type_of(each) for each in arguments])
    document = to_type(arguments[0], JSON)
    return [
        ("key", call("unnest", call("sr_json_each_keys", document)), TEXT),
        ("value", call("unnest", call("sr_json_each_values", document.copy())), JSON),
    ]


def _shown(node: exp.Expr) -> str:
    kind = type_of(node)
    return kind.show if kind is not None and kind.name != "null" else "null_type"


def table_alias(name: str, columns: list[str]) -> exp.TableAlias:
    return exp.TableAlias(
        this=exp.to_identifier(name, quoted=True), columns=[exp.to_identifier(each, quoted=True) for each in columns]
    )
