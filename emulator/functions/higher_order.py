"""Functions that take a lambda: array_map, array_filter, map_apply and their like.

Meaning: `docs/en/sql-reference/sql-functions/array-functions/`, `.../map-functions/`, `fe/fe-core/src/main/java/com/
starrocks/sql/analyzer/ExpressionAnalyzer.java` (which rewrites them to array_map); recorded: `test/sql/test_array_fn`.
"""

from collections.abc import Callable

from sqlglot import exp

from emulator.functions.spec import no_match
from emulator.types.coercion import BIGINT, BOOLEAN, call, number, to_type, type_of, typed
from emulator.types.sql_type import SqlType

Types = list[SqlType | None]
# collections -> the types of the lambda's parameters
Parameters = Callable[[list[exp.Expr]], Types]
# (names of the parameters, the lambda's rewritten body, collections) -> the node
Build = Callable[[list[str], exp.Expr, list[exp.Expr]], exp.Expr]


def _items(collections: list[exp.Expr]) -> Types:
    kinds = [type_of(each) for each in collections]
    if any(kind is not None and kind.name not in ("array", "null") for kind in kinds):
        raise no_match("array_map", kinds)
    return [kind.items[0] if kind is not None and kind.items else kind for kind in kinds]


def _entry(collections: list[exp.Expr]) -> Types:
    kind = type_of(collections[0])
    if kind is None or kind.name != "map":
        raise no_match("map_apply", [kind])
    return list(kind.items)


def _over(names: list[str], body: exp.Expr, collections: list[exp.Expr], function: str = "list_transform") -> exp.Expr:
    """A DuckDB list function with a lambda of as many parameters as there are lists.

    Several lists go through one list of their rows; StarRocks refuses lists of different lengths.
    """
    if len(collections) == 1:
        return call(function, collections[0], _lambda(names[0], body))
    row = "sr_row_" + names[0]
    for at, name in enumerate(names, 1):
        body = _replaced(body, name, _part(row, at))
    made = call(function, call("list_zip", *collections), _lambda(row, body))
    missing = exp.or_(*(exp.Is(this=each.copy(), expression=exp.Null()) for each in collections))
    lengths = [call("len", each.copy()) for each in collections]
    uneven = exp.or_(*(exp.NEQ(this=lengths[0].copy(), expression=each) for each in lengths[1:]))
    refusal = call("error", exp.Literal.string("Input array element's size is not equal in array_map()."))
    return exp.Case(ifs=[exp.If(this=missing, true=exp.Null()), exp.If(this=uneven, true=refusal)], default=made)


def _lambda(name: str, body: exp.Expr) -> exp.Expr:
    return exp.Lambda(this=body, expressions=[exp.to_identifier(name, quoted=True)])


def _name(name: str) -> exp.Expr:
    return exp.column(exp.to_identifier(name, quoted=True))


def _part(row: str, at: int) -> exp.Expr:
    """One value of a row that list_zip made; the first is 1."""
    return call("struct_extract", _name(row), number(at))


def _replaced(body: exp.Expr, name: str, value: exp.Expr) -> exp.Expr:
    """The body with another value in place of a parameter."""

    def swap(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and not node.table and node.name == name:
            return typed(value.copy(), type_of(node))
        return node

    kind = type_of(body)
    return typed(body.transform(swap), kind)


def _array(kind: SqlType | None) -> SqlType | None:
    return SqlType("array", items=(kind,)) if kind is not None and kind.name != "null" else None


def _map(names: list[str], body: exp.Expr, collections: list[exp.Expr]) -> exp.Expr:
    return typed(_over(names, body, collections), _array(type_of(body)))


def _filter(names: list[str], body: exp.Expr, collections: list[exp.Expr]) -> exp.Expr:
    """The elements of the first array for which the lambda is true."""
    kept = call("list_zip", collections[0], _over(names, to_type(body, BOOLEAN), [c.copy() for c in collections]))
    chosen = call("list_filter", kept, _lambda("sr_kept", _part("sr_kept", 2)))
    first = _part("sr_kept", 1)
    return typed(call("list_transform", chosen, _lambda("sr_kept", first)), type_of(collections[0]))


def _any(names: list[str], body: exp.Expr, collections: list[exp.Expr]) -> exp.Expr:
    return call("sr_any", _over(names, to_type(body, BOOLEAN), collections), kind=BOOLEAN)


def _all(names: list[str], body: exp.Expr, collections: list[exp.Expr]) -> exp.Expr:
    return call("sr_all", _over(names, to_type(body, BOOLEAN), collections), kind=BOOLEAN)


def _sortby(names: list[str], body: exp.Expr, collections: list[exp.Expr]) -> exp.Expr:
    """The first array in the order of the lambda's values; equal ones keep their order."""
    order = call("list_grade_up", _over(names, body, [c.copy() for c in collections]))
    return typed(call("list_select", collections[0], order), type_of(collections[0]))


def _entries(kind: SqlType, keys: exp.Expr, values: exp.Expr) -> exp.Expr:
    return typed(call("map", keys, values), kind)


def _halves(collections: list[exp.Expr]) -> list[exp.Expr]:
    return [call("map_keys", collections[0]), call("map_values", collections[0].copy())]


def _transform_keys(names: list[str], body: exp.Expr, collections: list[exp.Expr]) -> exp.Expr:
    keys, values = _halves(collections)
    kind = type_of(collections[0])
    found = type_of(body) or BIGINT
    return _entries(
        SqlType("map", items=(found, kind.items[1] if kind else found)),
        _over(names, body, [keys, values]),
        values.copy(),
    )


def _transform_values(names: list[str], body: exp.Expr, collections: list[exp.Expr]) -> exp.Expr:
    keys, values = _halves(collections)
    kind = type_of(collections[0])
    found = type_of(body) or BIGINT
    return _entries(
        SqlType("map", items=(kind.items[0] if kind else found, found)), keys.copy(), _over(names, body, [keys, values])
    )


def _map_filter(names: list[str], body: exp.Expr, collections: list[exp.Expr]) -> exp.Expr:
    keys, values = _halves(collections)
    kept = call("list_zip", keys.copy(), values.copy(), _over(names, to_type(body, BOOLEAN), [keys, values]))
    chosen = call("list_filter", kept, _lambda("sr_kept", _part("sr_kept", 3)))
    parts = [
        call(
            "list_transform",
            chosen.copy(),
            _lambda("sr_kept", _part("sr_kept", at)),
        )
        for at in (1, 2)
    ]
    return _entries(type_of(collections[0]) or BIGINT, *parts)


HIGHER_ORDER: dict[str, tuple[Parameters, Build]] = {
    "array_map": (_items, _map),
    "transform": (_items, _map),
    "array_filter": (_items, _filter),
    "any_match": (_items, _any),
    "all_match": (_items, _all),
    "array_sortby": (_items, _sortby),
    "transform_keys": (_entry, _transform_keys),
    "transform_values": (_entry, _transform_values),
    "map_filter": (_entry, _map_filter),
}
