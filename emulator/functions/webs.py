"""Functions of URLs and regular expressions.

Signatures: `gensrc/script/functions.py`; meaning: `docs/en/sql-reference/sql-functions/string-functions/`,
`.../like-predicate-functions/`; recorded: `test/sql/test_url_extract_parameter`, `test/sql/test_function/R/test_regex`.
"""

from sqlglot import exp

from emulator.errors import failed
from emulator.functions.spec import F, literal_text
from emulator.types.coercion import BOOLEAN, INT, TEXT, call, cast, number
from emulator.types.sql_type import SqlType

TEXT_ARRAY = SqlType("array", items=(TEXT,))
_PARTS = {
    "protocol": "^([a-zA-Z][a-zA-Z0-9+.-]*)://",
    "host": "^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^@/?#]*@)?([^:/?#]+)",
    "port": "^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*:([0-9]+)",
    "path": "^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*([^?#]*)",
    "file": "^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*([^#]*)",
    "query": "^[^?#]*[?]([^#]*)",
    "ref": "#(.*)$",
    "authority": "^[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#]+)",
    "userinfo": "^[a-zA-Z][a-zA-Z0-9+.-]*://([^@/?#]+)@",
}


def _parse_url(arguments: list[exp.Expr]) -> exp.Expr:
    part = literal_text(arguments[1], "the part of parse_url").lower()
    if part not in _PARTS:
        raise failed(f"The url part {part.upper()} is invalid")
    return call("sr_url_part", arguments[0], exp.Literal.string(_PARTS[part]))


def _host(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_url_part", arguments[0], exp.Literal.string(_PARTS["host"]))


def _position(arguments: list[exp.Expr]) -> exp.Expr:
    rest = [*arguments[2:], *[number(1) for _ in range(4 - len(arguments))]]
    return call("sr_regexp_position", arguments[0], arguments[1], *rest)


def _extract(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_regexp_extract", arguments[0], arguments[1], cast(arguments[2], "INTEGER"))


def _extract_all(arguments: list[exp.Expr]) -> exp.Expr:
    return call("regexp_extract_all", arguments[0], arguments[1], cast(arguments[2], "INTEGER"))


def _like(arguments: list[exp.Expr]) -> exp.Expr:
    made = exp.Like(this=arguments[0], expression=arguments[1])
    return exp.Paren(this=exp.Escape(this=made, expression=exp.Literal.string("\\")))


WEBS: dict[str, F] = {
    "like": F("tt", BOOLEAN, _like),
    "regexp": F("tt", BOOLEAN, "regexp_matches"),
    "rlike": F("tt", BOOLEAN, "regexp_matches"),
    "regexp_replace": F("ttt", TEXT, "sr_regexp_replace"),
    "regexp_extract": F("tti", TEXT, _extract),
    "regexp_extract_all": F("tti", TEXT_ARRAY, _extract_all),
    "regexp_count": F("tt", INT, "sr_regexp_count"),
    "regexp_position": F("tt[ii]", INT, _position),
    "regexp_split": F("tt", TEXT_ARRAY, "regexp_split_to_array"),
    "url_encode": F("t", TEXT, "url_encode"),
    "url_decode": F("t", TEXT, "url_decode"),
    "url_extract_host": F("t", TEXT, _host),
    "url_extract_parameter": F("tt", TEXT, "sr_url_parameter"),
    "parse_url": F("tl", TEXT, _parse_url),
}
