"""Functions of texts, hashes, JSON and arrays.

Signatures: `gensrc/script/functions.py`; meaning: `docs/en/sql-reference/sql-functions/`.
"""

from sqlglot import exp

from emulator.functions.spec import F, array_of_first, element, first
from emulator.sql.coercion import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    JSON,
    TEXT,
    TINYINT,
    call,
    cast,
    common,
    number,
    to_text,
    to_type,
    type_of,
)
from emulator.sql.types import SqlType

TEXT_ARRAY = SqlType("array", items=(TEXT,))


def _concat(arguments: list[exp.Expr]) -> exp.Expr:
    """NULL when any part is NULL: `||` of DuckDB, whose concat() skips NULL."""
    result = arguments[0]
    for each in arguments[1:]:
        result = exp.DPipe(this=result, expression=each)
    return exp.Paren(this=result)


def _concat_ws(arguments: list[exp.Expr]) -> exp.Expr:
    kind = type_of(arguments[1])
    if kind is not None and kind.name == "array":
        return call("array_to_string", arguments[1], arguments[0])
    separator = arguments[0]
    return call("concat_ws", separator, *(to_text(each) for each in arguments[1:]))


def _hash(name: str) -> F:
    return F(
        "t*",
        {"murmur_hash3_32": INT, "xx_hash3_64": BIGINT}[name],
        lambda a: call(f"sr_{name}", exp.Array(expressions=a)),
    )


def _md5sum(arguments: list[exp.Expr]) -> exp.Expr:
    filled = [call("coalesce", each, exp.Literal.string("")) for each in arguments]
    return call("md5", _concat(filled))


def _hex(arguments: list[exp.Expr]) -> exp.Expr:
    kind = type_of(arguments[0])
    if kind is not None and kind.is_integer:
        return call("sr_hex_number", arguments[0])
    return call("sr_hex_text", to_text(arguments[0]))


def _substr(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_substr", *arguments, *([] if len(arguments) > 2 else [number(2147483647)]))


def _locate(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_locate", *arguments, *([] if len(arguments) > 2 else [number(1)]))


def _json_path(name: str, kind: SqlType) -> F:
    return F("jt", kind, name)


def _contains(arguments: list[exp.Expr]) -> exp.Expr:
    kind = type_of(arguments[0])
    item = arguments[1]
    if kind is not None and kind.items and type_of(item) != kind.items[0]:
        item = to_type(item, kind.items[0])
    return call("list_contains", arguments[0], item)


def _json_object(arguments: list[exp.Expr]) -> exp.Expr:
    return call("json_object", *arguments)


def _length(arguments: list[exp.Expr]) -> exp.Expr:
    return cast(call("len", arguments[0]), "INTEGER")


def _sorted(kinds: list[SqlType | None]) -> SqlType | None:
    return kinds[0]


TEXTS: dict[str, F] = {
    "concat": F("t*", TEXT, _concat),
    "concat_ws": F("ta*", TEXT, _concat_ws),
    "length": F("t", INT, "sr_length"),
    "char_length": F("t", INT, "sr_char_length"),
    "character_length": F("t", INT, "sr_char_length"),
    "upper": F("t", TEXT, "upper"),
    "ucase": F("t", TEXT, "upper"),
    "lower": F("t", TEXT, "lower"),
    "lcase": F("t", TEXT, "lower"),
    "substr": F("ti[i]", TEXT, _substr),
    "substring": F("ti[i]", TEXT, _substr),
    "left": F("ti", TEXT, "sr_left"),
    "strleft": F("ti", TEXT, "sr_left"),
    "right": F("ti", TEXT, "sr_right"),
    "strright": F("ti", TEXT, "sr_right"),
    "trim": F("t[t]", TEXT, "trim"),
    "ltrim": F("t[t]", TEXT, "ltrim"),
    "rtrim": F("t[t]", TEXT, "rtrim"),
    "replace": F("ttt", TEXT, "replace"),
    "reverse": F("t", TEXT, "sr_reverse"),
    "repeat": F("ti", TEXT, "sr_repeat"),
    "space": F("i", TEXT, lambda a: call("sr_repeat", exp.Literal.string(" "), a[0])),
    "instr": F("tt", INT, "sr_instr"),
    "locate": F("tt[i]", INT, _locate),
    "strcmp": F("tt", TINYINT, "sr_strcmp"),
    "strpos": F("tt", INT, "sr_instr"),
    "lpad": F("tit", TEXT, "sr_lpad"),
    "rpad": F("tit", TEXT, "sr_rpad"),
    "starts_with": F("tt", BOOLEAN, "starts_with"),
    "ends_with": F("tt", BOOLEAN, "ends_with"),
    "split": F("tt", TEXT_ARRAY, "sr_split"),
    "split_part": F("tti", TEXT, "sr_split_part"),
    "substring_index": F("tti", TEXT, "sr_substring_index"),
    "null_or_empty": F("t", BOOLEAN, "sr_null_or_empty"),
    "ascii": F("t", INT, "ascii"),
    "char": F("i", TEXT, "chr"),
    "initcap": F("t", TEXT, "sr_initcap"),
    "regexp": F("tt", BOOLEAN, "regexp_matches"),
    "regexp_replace": F("ttt", TEXT, "sr_regexp_replace"),
    "regexp_extract": F("tti", TEXT, lambda a: call("sr_regexp_extract", a[0], a[1], cast(a[2], "INTEGER"))),
    "regexp_extract_all": F("tti", TEXT_ARRAY, lambda a: call("regexp_extract_all", a[0], a[1], cast(a[2], "INTEGER"))),
    "translate": F("ttt", TEXT, "translate"),
    "url_encode": F("t", TEXT, "url_encode"),
    "url_decode": F("t", TEXT, "url_decode"),
    "hex": F("a", TEXT, _hex),
    "unhex": F("t", TEXT, lambda a: call("decode", call("unhex", a[0]))),
    "to_base64": F("t", TEXT, lambda a: call("to_base64", call("encode", a[0]))),
    "from_base64": F("t", TEXT, lambda a: call("decode", call("from_base64", a[0]))),
    "md5": F("t", TEXT, "md5"),
    "md5sum": F("t*", TEXT, _md5sum),
    "sha2": F("tl", TEXT, lambda a: call("sha256", a[0])),
    "crc32": F("t", BIGINT, "sr_crc32"),
    "murmur_hash3_32": _hash("murmur_hash3_32"),
    "xx_hash3_64": _hash("xx_hash3_64"),
    "uuid": F("", TEXT, lambda _: cast(call("uuid"), "VARCHAR")),
    # JSON
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
            call("sr_json_length", *a) if len(a) == 1 else call("sr_json_length", call("json_extract", *a)), "INTEGER"
        ),
    ),
    "json_keys": F("j", JSON, lambda a: call("to_json", call("json_keys", a[0]))),
    "json_object": F("[a*", JSON, _json_object),
    "json_array": F("[a*", JSON, lambda a: call("json_array", *a)),
    "json_string": F("j", TEXT, lambda a: cast(a[0], "VARCHAR")),
    # arrays
    "array_contains": F("aa", BOOLEAN, _contains),
    "array_length": F("a", INT, _length),
    "cardinality": F("a", INT, _length),
    "array_join": F("at", TEXT, lambda a: call("array_to_string", a[0], a[1])),
    "array_append": F("aa", first, "list_append"),
    "array_distinct": F("a", first, "list_distinct"),
    "array_sort": F("a", _sorted, "list_sort"),
    "array_max": F("a", element, "list_max"),
    "array_min": F("a", element, "list_min"),
    "array_sum": F("a", lambda k: _sum_of(element(k)), lambda a: call("list_sum", a[0])),
    "array_position": F(
        "aa", INT, lambda a: call("coalesce", cast(call("list_position", a[0], a[1]), "INTEGER"), number(0))
    ),
    "array_concat": F("aa", lambda k: common(k), "list_concat"),
    "array_slice": F(
        "ai[i]",
        first,
        lambda a: call(
            "list_slice",
            a[0],
            a[1],
            exp.Sub(this=exp.Add(this=a[1], expression=a[2]), expression=number(1))
            if len(a) > 2
            else number(2147483647),
        ),
    ),
    "array_agg": F("a", array_of_first, "list", aggregate=True),
}


def _sum_of(kind: SqlType | None) -> SqlType | None:
    return BIGINT if kind is not None and kind.is_integer else DOUBLE
