"""Values made of values: arrays, maps, structs, JSON paths, and what is inside of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from emulator.errors import unsupported
from emulator.types.coercion import BIGINT, JSON, NULL, call, common, to_type, type_of, typed, unified
from emulator.types.sql_type import SqlType

if TYPE_CHECKING:
    from emulator.sql.context import Context


def arrow(node: exp.JSONExtract, _: Context) -> exp.Expr:
    """`json -> 'path'`."""
    path = node.expression
    text = path.sql(dialect="duckdb").strip("'") if isinstance(path, exp.JSONPath) else path.name
    text = text if text.startswith("$") else f"$.{text}"
    return call("sr_json_arrow", to_type(node.this, JSON), exp.Literal.string(text), kind=JSON)


def bracket(node: exp.Bracket, _: Context) -> exp.Expr:
    """`collection[index]`, `array[from:to]`."""
    index = node.expressions[0]
    if isinstance(index, exp.Slice):
        raise unsupported("a slice of an array in brackets (array_slice does it)")
    return element_at(node.this, index)


def array(node: exp.Array, _: Context) -> exp.Expr:
    """`[a, b]`: the elements get their common type."""
    kind = common(type_of(each) for each in node.expressions) if node.expressions else NULL
    node.set("expressions", [unified(each, kind) for each in node.expressions])
    return typed(node, SqlType("array", items=(kind,)) if kind is not None and kind.name != "null" else None)


def map_of(keys: list[exp.Expr], values: list[exp.Expr]) -> exp.Expr:
    """A map of these entries; of equal keys the last one stays."""
    kinds = [common(type_of(each) for each in side) if side else NULL for side in (keys, values)]
    sides = [
        exp.Array(expressions=[unified(each, kind) for each in side])
        for side, kind in zip((keys, values), kinds, strict=True)
    ]
    known = map_type(kinds[0], kinds[1])
    return call("sr_map", *sides, kind=known)


def map_type(key: SqlType | None, value: SqlType | None) -> SqlType | None:
    """The type of a map; None while a part of it is not known."""
    if key is None or value is None or "null" in (key.name, value.name):
        return None
    return SqlType("map", items=(key, value))


def element_at(collection: exp.Expr, index: exp.Expr) -> exp.Expr:
    """What is at a place of an array or under a key of a map; NULL when nothing is."""
    kind = type_of(collection)
    if kind is not None and kind.name == "array":
        return call("sr_array_element", collection, to_type(index, BIGINT), kind=kind.items[0])
    if kind is not None and kind.name == "map":
        return call("sr_map_element", collection, to_type(index, kind.items[0]), kind=kind.items[1])
    if isinstance(collection, exp.Anonymous) and collection.name == "sr_map" and kind is None:
        return typed(exp.Null(), NULL)
    raise unsupported("[] on a value that is no array or map")
