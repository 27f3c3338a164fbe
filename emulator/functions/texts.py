"""Functions of texts, and hashes.

Signatures: `gensrc/script/functions.py`; meaning: `docs/en/sql-reference/sql-functions/`.
"""

from sqlglot import exp

from emulator.functions.spec import Build, F
from emulator.types.coercion import (
    BIGINT,
    BOOLEAN,
    INT,
    TEXT,
    TINYINT,
    call,
    cast,
    number,
    to_text,
    type_of,
)
from emulator.types.sql_type import SqlType

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


def _pad(name: str) -> Build:
    """The third argument may be left out: a blank."""
    return lambda a: call(name, *a, *([] if len(a) > 2 else [exp.Literal.string(" ")]))


def _strpos(arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) == 2:
        return call("sr_instr", *arguments)
    return call("sr_strpos", *arguments)


def _str_to_map(arguments: list[exp.Expr]) -> exp.Expr:
    marks = [exp.Literal.string(","), exp.Literal.string(":")]
    return call("sr_str_to_map", *arguments, *marks[len(arguments) - 1 :])


def _money(arguments: list[exp.Expr]) -> exp.Expr:
    return call("format", exp.Literal.string("{:,.2f}"), cast(call("round", arguments[0], number(2)), "DOUBLE"))


def _typeof(arguments: list[exp.Expr]) -> exp.Expr:
    kind = type_of(arguments[0])
    name = "null_type" if kind is None or kind.name == "null" else _type_name(kind)
    return exp.Literal.string(name)


def _type_name(kind: SqlType) -> str:
    """As typeof() says it: texts without their length, decimals with their width."""
    if kind.is_text:
        return kind.name
    if kind.name == "decimal":
        width = next(bits for bits, digits in ((32, 9), (64, 18), (128, 38)) if (kind.precision or 0) <= digits)
        return f"decimal{width}({kind.precision}, {kind.scale})"
    if kind.name == "struct":
        pairs = zip(kind.fields, kind.items, strict=True)
        return "struct<" + ", ".join(f"`{name}` {_type_name(item)}" for name, item in pairs) + ">"
    if kind.items:
        return f"{kind.name}<" + ",".join(_type_name(item) for item in kind.items) + ">"
    return kind.name


TEXT_MAP = SqlType("map", items=(TEXT, TEXT))
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
    "strpos": F("tt[i]", INT, _strpos),
    "find_in_set": F("tt", INT, "sr_find_in_set"),
    "append_trailing_char_if_absent": F("tt", TEXT, "sr_append_trailing"),
    "str_to_map": F("t[tt]", TEXT_MAP, _str_to_map),
    "money_format": F("n", TEXT, _money),
    "typeof": F("a", TEXT, _typeof),
    "bar": F("ffff", TEXT, "sr_bar"),
    "lpad": F("ti[t]", TEXT, _pad("sr_lpad")),
    "rpad": F("ti[t]", TEXT, _pad("sr_rpad")),
    "starts_with": F("tt", BOOLEAN, "starts_with"),
    "ends_with": F("tt", BOOLEAN, "ends_with"),
    "split": F("tt", TEXT_ARRAY, "sr_split"),
    "split_part": F("tti", TEXT, "sr_split_part"),
    "substring_index": F("tti", TEXT, "sr_substring_index"),
    "null_or_empty": F("t", BOOLEAN, "sr_null_or_empty"),
    "ascii": F("t", INT, "ascii"),
    "char": F("i", TEXT, "chr"),
    "initcap": F("t", TEXT, "sr_initcap"),
    "translate": F("ttt", TEXT, "translate"),
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
}
