"""What names mean at a place of a query: the tables in FROM, the aliases of the select list, the CTEs."""

from dataclasses import dataclass, field

from sqlglot import exp

from emulator.errors import analysis, unknown_column
from emulator.types.coercion import typed
from emulator.types.sql_type import SqlType

Columns = list[tuple[str, SqlType | None]]


@dataclass
class Source:
    """A table, view or subquery in FROM. `hidden`: only for the ON of a semi or anti join."""

    alias: str
    columns: Columns
    database: str = ""

    def find(self, name: str) -> tuple[str, SqlType | None] | None:
        lowered = name.lower()
        return next((column for column in self.columns if column[0].lower() == lowered), None)


@dataclass
class Scope:
    """One SELECT, or the body of a lambda.

    `aliases` are the select list's names, visible in GROUP BY, HAVING, QUALIFY and ORDER BY; `parameters` those of a
    lambda.
    """

    parent: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    aliases: dict[str, SqlType | None] = field(default_factory=dict)
    ctes: dict[str, Columns] = field(default_factory=dict)
    using: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, exp.Expr] = field(default_factory=dict)
    use_aliases: bool = False
    aliases_first: bool = False

    def cte(self, name: str) -> Columns | None:
        """The columns of a CTE that is visible here."""
        scope: Scope | None = self
        while scope is not None:
            if name.lower() in scope.ctes:
                return scope.ctes[name.lower()]
            scope = scope.parent
        return None

    def add(self, source: Source) -> None:
        """Put a table into FROM. Raises StarRocks' error for an alias that is there already."""
        if any(each.alias == source.alias and each.alias for each in self.sources):
            raise analysis(f"Not unique table/alias: '{source.alias}'")
        self.sources.append(source)

    def column(self, node: exp.Column) -> exp.Expr:
        """The column that a name means, typed; looks into outer queries too. Raises "cannot be resolved"."""
        scope: Scope | None = self
        while scope is not None:
            found = scope._local(node) or scope._field(node)
            if found is not None:
                return found
            scope = scope.parent
        raise unknown_column(_written(node))

    def _local(self, node: exp.Column) -> exp.Expr | None:
        name, table = node.name, node.table
        if not table and name.lower() in self.parameters:
            parameter = self.parameters[name.lower()]
            return typed(parameter.copy(), parameter.meta["sr"])
        if not table and self.aliases_first and name.lower() in self.aliases:
            return self._alias(name)
        matches = [
            (source, found)
            for source in self.sources
            if (not table or (source.alias.lower() == table.lower() and _same_database(node, source)))
            and (found := source.find(name)) is not None
        ]
        if not table and len(matches) > 1 and name.lower() in self.using:
            source, found = matches[0]
            return typed(exp.column(exp.to_identifier(found[0], quoted=True)), found[1])
        if len(matches) > 1:
            raise analysis(f"Column '{name}' is ambiguous")
        if matches:
            source, (real, kind) = matches[0]
            return typed(
                exp.column(exp.to_identifier(real, quoted=True), exp.to_identifier(source.alias, quoted=True)), kind
            )
        if not table and self.use_aliases and name.lower() in self.aliases:
            return self._alias(name)
        return None

    def _field(self, node: exp.Column) -> exp.Expr | None:
        """`a.b` and `t.a.b`, where `a` is no table but a column of type STRUCT."""
        if not node.table:
            return None
        outer = exp.column(node.args["table"].copy(), node.args["db"].copy() if node.args.get("db") else None)
        found = self._local(outer) or self._field(outer)
        return field_of(found, node.name) if found is not None else None

    def lambda_depth(self) -> int:
        """How many lambdas stand around this place."""
        return bool(self.parameters) + (self.parent.lambda_depth() if self.parent is not None else 0)

    def _alias(self, name: str) -> exp.Expr:
        return typed(exp.column(exp.to_identifier(name, quoted=True)), self.aliases[name.lower()])

    def visible(self) -> list[tuple[Source, tuple[str, SqlType | None]]]:
        """What `*` stands for, in StarRocks' order: columns of USING first."""
        listed = [(source, column) for source in self.sources for column in source.columns]
        if not self.using:
            return listed
        first = [next(pair for pair in listed if pair[1][0].lower() == name) for name in self.using]
        return first + [pair for pair in listed if pair[1][0].lower() not in self.using]


def field_of(value: exp.Expr, name: str) -> exp.Expr:
    """A field of a struct, by its name. Raises StarRocks' refusal for another type or another name."""
    kind = value.meta.get("sr")
    if not isinstance(kind, SqlType) or kind.name != "struct":
        raise unknown_column(name)
    for field_name, item in zip(kind.fields, kind.items, strict=True):
        if field_name.lower() == name.lower():
            made = exp.Anonymous(this="struct_extract", expressions=[value, exp.Literal.string(field_name)])
            return typed(made, item)
    raise analysis(f"Struct subfield '{name}' cannot be resolved")


def _same_database(node: exp.Column, source: Source) -> bool:
    database = node.args.get("db")
    return database is None or not source.database or database.name == source.database


def _written(node: exp.Column) -> str:
    if node.table:
        return f"`{node.table}`.`{node.name}`"
    return node.name
