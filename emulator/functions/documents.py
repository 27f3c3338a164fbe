"""Functions of JSON.

Signatures: `gensrc/script/functions.py`; meaning: `docs/en/sql-reference/sql-functions/json-functions/`; recorded:
`test/sql/test_json`.
"""

from sqlglot import exp

from emulator.functions.spec import F
from emulator.types.coercion import BIGINT, BOOLEAN, DOUBLE, INT, JSON, TEXT, call, cast, type_of
from emulator.types.sql_type import SqlType


def _json_path(name: str, kind: SqlType) -> F:
    return F("jt", kind, lambda a: call(name, a[0], rooted(a[1])))


def rooted(path: exp.Expr) -> exp.Expr:
    """A constant path from the root: `key` counts as `$.key`."""
    if isinstance(path, exp.Literal) and not str(path.this).startswith("$"):
        return exp.Literal.string(f"$.{path.this}")
    return path


def _json_object(arguments: list[exp.Expr]) -> exp.Expr:
    return call("json_object", *arguments)


def _as_text(node: exp.Expr) -> exp.Expr:
    return cast(node, "VARCHAR")


def _set(arguments: list[exp.Expr]) -> exp.Expr:
    """Paths and values by turns; the values as JSON."""
    pairs = [each if at % 2 == 0 else _as_text(_value(each)) for at, each in enumerate(arguments[1:])]
    return call("sr_json_set", _as_text(arguments[0]), exp.Array(expressions=pairs))


def _value(node: exp.Expr) -> exp.Expr:
    """A value as JSON: a text that is a document counts as one, any other as a string."""
    kind = type_of(node)
    if kind is not None and kind.is_text:
        return call("sr_json_value", node)
    return call("to_json", node)


DOCUMENTS: dict[str, F] = {
    "parse_json": F("t", JSON, "sr_text_to_json"),
    "to_json": F("a", JSON, "to_json"),
    "json_query": _json_path("json_extract", JSON),
    "json_exists": _json_path("sr_json_exists", BOOLEAN),
    "get_json_string": _json_path("sr_get_json_string", TEXT),
    "get_json_object": _json_path("sr_get_json_string", TEXT),
    "get_json_int": _json_path("sr_get_json_int", BIGINT),
    "get_json_double": _json_path("sr_get_json_double", DOUBLE),
    "get_json_bool": _json_path("sr_get_json_bool", BOOLEAN),
    "json_length": F(
        "j[t]",
        INT,
        lambda a: cast(
            call("sr_json_length", a[0] if len(a) == 1 else call("json_extract", a[0], rooted(a[1]))), "INTEGER"
        ),
    ),
    "json_keys": F("j", JSON, lambda a: call("to_json", call("list_sort", call("json_keys", a[0])))),
    "json_object": F("[a*", JSON, _json_object),
    "json_array": F("[a*", JSON, lambda a: call("json_array", *a)),
    "json_set": F("jta*", JSON, _set),
    "json_remove": F("jt*", JSON, lambda a: call("sr_json_remove", _as_text(a[0]), exp.Array(expressions=a[1:]))),
    "json_contains": F("jj", BOOLEAN, lambda a: call("sr_json_contains", _as_text(a[0]), _as_text(a[1]))),
    "json_pretty": F("j", TEXT, lambda a: call("sr_json_pretty", _as_text(a[0]))),
    "is_json_scalar": F("j", BOOLEAN, "sr_is_json_scalar"),
    "json_string": F("j", TEXT, lambda a: cast(a[0], "VARCHAR")),
}
