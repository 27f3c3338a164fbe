"""How a StarRocks function is declared: its parameters, its DuckDB form, its type.

    "substr": F("ti[i]", TEXT, "sr_substr")

Parameters, a letter each: `t` text, `i` BIGINT, `f` DOUBLE, `d` DATETIME, `D` DATE or DATETIME (others: DATETIME),
`j` JSON, `b` BOOLEAN, `n` a number as it is, `a` anything as it is, `l` a literal that the builder reads itself,
`r` a raw word that is not a column (a time unit). `[...]` may be left out, a last `*` repeats its letter.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from emulator.errors import StarRocksError, analysis, unsupported
from emulator.types.coercion import (
    BIGINT,
    BOOLEAN,
    DATETIME,
    DOUBLE,
    JSON,
    call,
    cast,
    common,
    is_numeric,
    to_text,
    to_type,
    type_of,
)
from emulator.types.sql_type import SqlType

Build = Callable[[list[exp.Expr]], exp.Expr]
Returns = SqlType | Callable[[list[SqlType | None]], SqlType | None] | None


@dataclass(frozen=True)
class F:
    """A function: parameters (above), result type (None: as the builder notes it), DuckDB name or a builder."""

    parameters: str
    returns: Returns
    build: str | Build
    aggregate: bool = False

    def letters(self, count: int) -> str | None:
        """A letter for each of `count` arguments; None when there may not be so many."""
        required, _, optional = self.parameters.partition("[")
        letters = required + optional.replace("[", "").replace("]", "")
        if letters.endswith("*"):
            least = len(required.rstrip("*")) if not optional else len(required)
            letters = letters[:-1] + letters[-2] * max(0, count)
            return letters[:count] if count >= least else None
        return letters[:count] if len(required) <= count <= len(letters) else None

    def apply(self, name: str, arguments: list[exp.Expr]) -> exp.Expr:
        """The DuckDB node of a call. Raises "No matching function" for a wrong number of arguments."""
        letters = self.letters(len(arguments))
        kinds = [type_of(argument) for argument in arguments]
        if letters is None:
            raise no_match(name, kinds)
        brought = [bring(argument, letter) for argument, letter in zip(arguments, letters, strict=True)]
        returns = self.returns([type_of(each) for each in brought]) if callable(self.returns) else self.returns
        if callable(self.build):
            node = self.build(brought)
            returns = returns if self.returns is not None else type_of(node)
        else:
            node = exp.Anonymous(this=self.build, expressions=brought)
            if isinstance(returns, SqlType) and returns.is_integer and not self.build.startswith("sr_"):
                node = cast(node, returns.duckdb) if not self.aggregate else node
        node.meta["sr"] = returns
        return node


def no_match(name: str, kinds: list[SqlType | None]) -> StarRocksError:
    """StarRocks' refusal of a call."""
    listed = ", ".join(kind.show if kind is not None and kind.name != "null" else "null_type" for kind in kinds)
    return analysis(f"No matching function with signature: {name}({listed})")


def bring(node: exp.Expr, letter: str) -> exp.Expr:
    """An argument as the type that its letter asks for."""
    kind = type_of(node)
    if letter in "alrn" or kind is None or kind.name == "null":
        return _numeric(node) if letter == "n" and kind is not None and not is_numeric(kind) else node
    if letter == "t":
        return to_text(node)
    if letter == "i":
        return node if kind.is_integer else to_type(node, BIGINT)
    if letter == "f":
        return to_type(node, DOUBLE)
    if letter == "b":
        return to_type(node, BOOLEAN)
    if letter == "j":
        return to_type(node, JSON)
    if letter == "D" and kind.name == "date":
        return node
    return to_type(node, DATETIME)


def _numeric(node: exp.Expr) -> exp.Expr:
    kind = type_of(node)
    return node if kind is None or kind.name == "null" else to_type(node, DOUBLE)


def first(kinds: list[SqlType | None]) -> SqlType | None:
    """The type of the first argument."""
    return kinds[0] if kinds else None


def joint(kinds: list[SqlType | None]) -> SqlType | None:
    """The common type of all arguments."""
    return common(kinds)


def array_of_first(kinds: list[SqlType | None]) -> SqlType | None:
    return SqlType("array", items=(kinds[0],)) if kinds and kinds[0] is not None else None


def element(kinds: list[SqlType | None]) -> SqlType | None:
    """The type inside the array that is the first argument."""
    return kinds[0].items[0] if kinds and kinds[0] is not None and kinds[0].items else None


def literal_text(node: exp.Expr, what: str) -> str:
    """The text of a literal. Raises 1235 when it is computed."""
    if isinstance(node, exp.Literal):
        return str(node.this)
    if isinstance(node, exp.Column | exp.Var):
        return node.name
    raise unsupported(f"{what} that is not a constant")


def aggregate(name: str) -> Build:
    """A builder for DuckDB's function of that name."""
    return lambda arguments: call(name, *arguments)
