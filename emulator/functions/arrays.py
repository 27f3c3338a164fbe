"""Functions of arrays, maps and structs that take no lambda.

Signatures: `gensrc/script/functions.py`; meaning: `docs/en/sql-reference/sql-functions/array-functions/`, `.../map-
functions/`, `.../struct-functions/`; recorded: `test/sql/test_array_fn`, `test/sql/test_map`.
"""

from sqlglot import exp

from emulator.errors import analysis
from emulator.functions.spec import F, array_of_first, element, first, literal_text
from emulator.types.coercion import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    TEXT,
    call,
    cast,
    common,
    number,
    to_text,
    to_type,
    type_of,
    typed,
    unified,
)
from emulator.types.nested import element_at, map_of, map_type
from emulator.types.sql_type import SqlType

Kinds = list[SqlType | None]


def _with_item(name: str, kind: SqlType | None = None) -> F:
    """A function of an array and a value, which is brought to the type of the elements."""

    def build(arguments: list[exp.Expr]) -> exp.Expr:
        array, item = _fitting(arguments[0], arguments[1])
        return call(name, array, item)

    return F("aa", kind if kind is not None else first, build)


def _fitting(array: exp.Expr, item: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """An array and a value in one type."""
    kind, other = type_of(array), type_of(item)
    if kind is None or other is None or not kind.items or other == kind.items[0]:
        return array, item
    joint = common([kind.items[0], other])
    if joint is None or joint == kind.items[0]:
        return array, to_type(item, kind.items[0])
    return to_type(array, SqlType("array", items=(joint,))), unified(item, joint)


def _two(name: str, kind: SqlType | None = None) -> F:
    """A function of two arrays in one type."""

    def build(arguments: list[exp.Expr]) -> exp.Expr:
        joint = common(type_of(each) for each in arguments)
        sides = [to_type(each, joint) if joint is not None and joint.items else each for each in arguments]
        return call(name, *sides)

    return F("aa*" if kind is None else "aa", kind if kind is not None else (lambda kinds: common(kinds)), build)


def _length(arguments: list[exp.Expr]) -> exp.Expr:
    kind = type_of(arguments[0])
    return cast(call("cardinality" if kind is not None and kind.name == "map" else "len", arguments[0]), "INTEGER")


def _sum_of(kinds: Kinds) -> SqlType | None:
    kind = element(kinds)
    if kind is not None and kind.name == "decimal":
        return SqlType("decimal", precision=38, scale=kind.scale)
    if kind is not None and kind.name == "largeint":
        return kind
    return BIGINT if kind is not None and (kind.is_integer or kind.name == "boolean") else DOUBLE


def _sum(arguments: list[exp.Expr]) -> exp.Expr:
    kind = element([type_of(arguments[0])])
    array = arguments[0]
    if kind is not None and kind.name == "boolean":
        array = to_type(array, SqlType("array", items=(BIGINT,)))
    total = _sum_of([type_of(arguments[0])])
    made = call("list_sum", array)
    return cast(made, total.duckdb) if total is not None else made


def _average(arguments: list[exp.Expr]) -> exp.Expr:
    return call("list_avg", to_type(arguments[0], SqlType("array", items=(DOUBLE,))))


def _slice(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_array_slice", *arguments, *([] if len(arguments) > 2 else [number(2147483647)]))


def _generate(arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) == 1:
        arguments = [number(1), *arguments]
    return call("sr_array_generate", *arguments, *([] if len(arguments) > 2 else [exp.Null()]))


def _join(arguments: list[exp.Expr]) -> exp.Expr:
    texts = to_type(arguments[0], SqlType("array", items=(TEXT,)))
    if len(arguments) == 3:
        return call("sr_array_join", texts, arguments[1], to_text(arguments[2]))
    return call("array_to_string", texts, arguments[1])


def _sortby(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_array_sortby", *arguments)


def _zip(arguments: list[exp.Expr]) -> exp.Expr:
    """Rows of the arrays side by side; shorter ones are filled with NULL."""
    row = exp.column(exp.to_identifier("sr_row", quoted=True))
    names = [f"col{at}" for at in range(1, len(arguments) + 1)]
    fields = _struct(names, [call("struct_extract", row.copy(), number(at)) for at in range(1, len(arguments) + 1)])
    each = exp.Lambda(this=fields, expressions=[exp.to_identifier("sr_row", quoted=True)])
    missing = exp.or_(*(exp.Is(this=array.copy(), expression=exp.Null()) for array in arguments))
    made = call("list_transform", call("list_zip", *arguments), each)
    return exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=made)


def _zip_kind(kinds: Kinds) -> SqlType | None:
    row = _row_kind([element([kind]) for kind in kinds])
    return SqlType("array", items=(row,)) if row is not None else None


def _inner(kinds: Kinds) -> SqlType | None:
    return element(kinds)


def _keys(kinds: Kinds) -> SqlType | None:
    kind = kinds[0]
    return SqlType("array", items=(kind.items[0],)) if kind is not None and kind.name == "map" else None


def _values(kinds: Kinds) -> SqlType | None:
    kind = kinds[0]
    return SqlType("array", items=(kind.items[1],)) if kind is not None and kind.name == "map" else None


def _entry_rows(kinds: Kinds) -> SqlType | None:
    kind = kinds[0]
    if kind is None or kind.name != "map":
        return None
    return SqlType("array", items=(SqlType("struct", items=kind.items, fields=("key", "value")),))


def _map_from_arrays(kinds: Kinds) -> SqlType | None:
    if any(kind is None or not kind.items for kind in kinds):
        return None
    return SqlType("map", items=(kinds[0].items[0], kinds[1].items[0]))  # type: ignore[union-attr]


def _map(arguments: list[exp.Expr]) -> exp.Expr:
    return map_of(arguments[::2], arguments[1::2])


def _map_kind(kinds: Kinds) -> SqlType | None:
    return map_type(common(kinds[::2]), common(kinds[1::2]))


def _element_kind(kinds: Kinds) -> SqlType | None:
    kind = kinds[0]
    return kind.items[-1] if kind is not None and kind.items else None


def _struct(names: list[str], values: list[exp.Expr]) -> exp.Expr:
    pairs = [
        exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value)
        for name, value in zip(names, values, strict=True)
    ]
    return exp.Struct(expressions=pairs)


def _row(arguments: list[exp.Expr]) -> exp.Expr:
    return _struct([f"col{at}" for at in range(1, len(arguments) + 1)], arguments)


def _row_kind(kinds: Kinds) -> SqlType | None:
    known = [kind for kind in kinds if kind is not None]
    names = tuple(f"col{at}" for at in range(1, len(kinds) + 1))
    return SqlType("struct", items=tuple(known), fields=names) if len(known) == len(kinds) else None


def _named(arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) % 2:
        raise analysis("named_struct funtion must have equal number of field names and values")
    names = [literal_text(each, "the name of a field") for each in arguments[::2]]
    known = tuple(kind for each in arguments[1::2] if (kind := type_of(each)) is not None)
    made = _struct(names, arguments[1::2])
    return typed(made, SqlType("struct", items=known, fields=tuple(names)) if len(known) == len(names) else None)


ARRAYS: dict[str, F] = {
    "array_contains": _with_item("sr_array_contains", BOOLEAN),
    "array_position": _with_item("sr_array_position", INT),
    "array_remove": _with_item("sr_array_remove"),
    "array_append": _with_item("list_append"),
    "array_length": F("a", INT, _length),
    "cardinality": F("a", INT, _length),
    "array_join": F("at[a]", TEXT, _join),
    "array_distinct": F("a", first, "sr_array_distinct"),
    "array_sort": F("a", first, lambda a: call("list_sort", a[0], exp.Literal.string("ASC"), _nulls_first())),
    "array_sortby": F("aa", first, _sortby),
    "array_max": F("a", element, "list_max"),
    "array_min": F("a", element, "list_min"),
    "array_sum": F("a", _sum_of, _sum),
    "array_avg": F("a", DOUBLE, _average),
    "array_concat": _two("list_concat"),
    "array_intersect": _two("sr_array_intersect"),
    "arrays_overlap": _two("sr_arrays_overlap", BOOLEAN),
    "array_contains_all": _two("sr_array_contains_all", BOOLEAN),
    "array_contains_seq": _two("sr_array_contains_seq", BOOLEAN),
    "array_slice": F("ai[i]", first, _slice),
    "array_difference": F("a", lambda kinds: _difference_of(kinds), "sr_array_difference"),
    "array_cum_sum": F("a", lambda kinds: _difference_of(kinds), "sr_array_cum_sum"),
    "array_flatten": F("a", _inner, "flatten"),
    "array_repeat": F("ai", array_of_first, "sr_array_repeat"),
    "array_generate": F("i[ii]", lambda kinds: SqlType("array", items=(common(kinds) or BIGINT,)), _generate),
    "arrays_zip": F("aa*", _zip_kind, _zip),
    "array_top_n": F("ai", first, "sr_array_top_n"),
    "array_filter": F("aa", first, "sr_array_filter"),
    "all_match": F("a", BOOLEAN, "sr_all"),
    "any_match": F("a", BOOLEAN, "sr_any"),
    "map": F("[a*", _map_kind, _map),
    "map_size": F("a", INT, lambda a: cast(call("cardinality", a[0]), "INTEGER")),
    "map_keys": F("a", _keys, "map_keys"),
    "map_entries": F("a", _entry_rows, "map_entries"),
    "map_values": F("a", _values, "map_values"),
    "map_concat": F("aa*", lambda kinds: common(kinds), "map_concat"),
    "map_from_arrays": F("aa", _map_from_arrays, "sr_map"),
    "distinct_map_keys": F("a", first, lambda a: a[0]),
    "element_at": F("aa", _element_kind, lambda a: element_at(a[0], a[1])),
    "named_struct": F("aa*", None, _named),
    "row": F("a*", _row_kind, _row),
    "struct": F("a*", _row_kind, _row),
}


def _nulls_first() -> exp.Expr:
    return exp.Literal.string("NULLS FIRST")


def _difference_of(kinds: Kinds) -> SqlType | None:
    kind = element(kinds)
    if kind is None:
        return kinds[0]
    integer = kind.is_integer or kind.name == "boolean"
    return SqlType("array", items=(BIGINT if integer else DOUBLE if kind.name == "float" else kind,))
