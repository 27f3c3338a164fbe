"""StarRocks' SQL for sqlglot: tokens, and a parser that keeps function calls as they are written.

sqlglot's own `starrocks` dialect turns functions into general nodes that its DuckDB writer then writes with another
meaning; here almost every call stays an `exp.Anonymous`, and emulator.functions says what it means in DuckDB.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.starrocks import StarRocks
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.starrocks import StarRocksParser
from sqlglot.tokenizer_core import Token, TokenType

from emulator.errors import StarRocksError, syntax, unexpected, unsupported
from emulator.sql.reserved import MEANT_OTHERWISE, RESERVED

_KEPT_FUNCTIONS = (
    "COUNT",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "IF",
    "COALESCE",
    "IFNULL",
    "ROW_NUMBER",
    "RANK",
    "DENSE_RANK",
    "UNNEST",
)
_KEPT_PARSERS = ("CAST", "CONVERT", "EXTRACT", "GROUP_CONCAT", "TRY_CAST")


class Parser(StarRocksParser):
    """StarRocks' parser with most functions left as plain calls."""

    FUNCTIONS: ClassVar[dict[str, Callable[..., exp.Expr]]] = {
        name: StarRocksParser.FUNCTIONS[name] for name in _KEPT_FUNCTIONS
    }
    FUNCTION_PARSERS: ClassVar[dict[str, Callable[..., exp.Expr | None]]] = {
        name: StarRocksParser.FUNCTION_PARSERS[name] for name in _KEPT_PARSERS
    }
    NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, type[exp.Expr]]] = {
        kind: node for kind, node in StarRocksParser.NO_PAREN_FUNCTIONS.items() if kind != TokenType.CURRENT_ROLE
    }
    COLUMN_OPERATORS: ClassVar[dict[TokenType, Callable[..., exp.Expr] | None]] = {
        kind: build for kind, build in StarRocksParser.COLUMN_OPERATORS.items() if kind != TokenType.DCOLON
    }
    CAST_COLUMN_OPERATORS: ClassVar[set[TokenType]] = set()
    PARTITION_KEYWORDS: ClassVar[set[str]] = {"PARTITION", "PARTITIONS"}

    def _parse_partition(self) -> exp.Partition | None:
        """`PARTITION (p, q)`, and one name without brackets."""
        if not self._match_texts(self.PARTITION_KEYWORDS):
            return None
        if self._match(TokenType.L_PAREN, advance=False):
            names = self._parse_wrapped_csv(self._parse_disjunction)
        else:
            name = self._parse_id_var()
            names = [exp.column(name)] if name is not None else []
        return self.expression(exp.Partition(expressions=names))

    def _parse_ordered(self, parse_method: Callable[[], exp.Expr | None] | None = None) -> exp.Ordered | None:
        """`ORDER BY ALL` too: `exp.Var` ALL in place of an expression."""
        if not self._match(TokenType.ALL, advance=False):
            return super()._parse_ordered(parse_method)
        return super()._parse_ordered(self._parse_var_from_all)

    def _parse_var_from_all(self) -> exp.Expr:
        self._advance()
        return exp.Var(this="ALL")


class Dialect(StarRocks):
    """The dialect of everything that a client sends."""

    INDEX_OFFSET = 0  # array[1] stays 1

    class Tokenizer(StarRocks.Tokenizer):
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            **{word: kind for word, kind in StarRocks.Tokenizer.KEYWORDS.items() if kind != TokenType.COMMAND},
            "MINUS": TokenType.EXCEPT,
        }
        COMMANDS: ClassVar[set[TokenType]] = set()

    Parser = Parser


class Words(StarRocks):
    """The tokens that `split` gives: one a word (no `GROUP BY` in one piece)."""

    class Tokenizer(Dialect.Tokenizer):
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            word: kind for word, kind in Dialect.Tokenizer.KEYWORDS.items() if " " not in word
        }


_DIALECT = Dialect()
_WORDS = Words()
LEXEME = re.compile(
    r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | \#""", re.DOTALL | re.VERBOSE
)
_BRACKET_HINT = re.compile(
    r"(\b(?:JOIN|OVER\s*\(|DISTINCT)\s*)"
    r"\[(?:(?:broadcast|shuffle|bucket|colocate|skew|skewed|hash|sort|unreorder)[, ]*)+\]",
    re.IGNORECASE,
)
_HINT = re.compile(r"SET_VAR\s*\((.*)\)", re.IGNORECASE | re.DOTALL)
_ASSIGNMENT = re.compile(r"""\s*(\w+)\s*=\s*('[^']*'|"[^"]*"|[^,\s]+)\s*(?:,|$)""")


@dataclass(frozen=True)
class Statement:
    """One statement of a client: its `text`, its `tokens` (places refer to `text`), the variables of its
    SET_VAR hint."""

    text: str
    tokens: tuple[Token, ...]
    hints: dict[str, str] = field(default_factory=dict)


def _without_hints(text: str) -> tuple[str, dict[str, str]]:
    """Blank out hints (places stay) and read their variables; `#` outside of strings is a syntax error."""
    hints: dict[str, str] = {}
    if "[" in text:
        text = _BRACKET_HINT.sub(lambda match: match.group(1) + " " * (len(match.group()) - len(match.group(1))), text)
    if "/*+" not in text and "#" not in text and "/*!" not in text:
        return text, hints
    pieces, end = [], 0
    for match in LEXEME.finditer(text):
        lexeme = match.group()
        if lexeme == "#":
            line = text.count("\n", 0, match.start())
            raise unexpected("#", line + 1, match.start() - (text.rfind("\n", 0, match.start()) + 1))
        if lexeme.startswith("/*+"):
            found = _HINT.search(lexeme[3:-2])
            for name, value in _ASSIGNMENT.findall(found.group(1) if found else ""):
                hints[name.lower()] = value.strip("'\"")
        if lexeme.startswith(("/*+", "/*!")):
            pieces += [text[end : match.start()], " " * len(lexeme)]
            end = match.end()
    return "".join([*pieces, text[end:]]), hints


def split(text: str) -> list[Statement]:
    """Cut a client's text into its statements; empty ones are dropped.

    Raises StarRocksError 1064 for what cannot be cut into tokens.
    """
    text, hints = _without_hints(text)
    try:
        tokens = _WORDS.tokenize(text)
    except TokenError as error:
        raise syntax(f"No viable statement for input: {str(error).splitlines()[0]}", 1, 0) from None
    statements, part = [], []
    for token in [*tokens, None]:
        if token is not None and token.token_type != TokenType.SEMICOLON:
            part.append(token)
        elif part:
            statements.append(_statement(text, part, hints))
            part = []
    return statements


def _statement(text: str, tokens: list[Token], hints: dict[str, str]) -> Statement:
    source = text[tokens[0].start : tokens[-1].end + 1]
    shift = tokens[0].start
    for token in tokens:
        token.start, token.end = token.start - shift, token.end - shift
    return Statement(source, tuple(tokens), hints)


def parse(text: str) -> exp.Expr:
    """Parse one query or DML statement. Raises StarRocksError 1064 with the place."""
    return _parsed(text, None)


def parse_expression(text: str) -> exp.Expr:
    """Parse one scalar expression. Raises StarRocksError 1064."""
    return _parsed(text, exp.Condition)


def _parsed(text: str, into: type[exp.Expr] | None) -> exp.Expr:
    try:
        found = _DIALECT.parse(text) if into is None else _DIALECT.parse_into(into, text)
    except ParseError as error:
        detail = error.errors[0] if error.errors else {}
        before = str(detail.get("start_context") or "").upper().split()
        if before[-1:] == ["TEMPORARY"] and str(detail.get("highlight")).upper() in Parser.PARTITION_KEYWORDS:
            raise unsupported("TEMPORARY PARTITION") from None
        raise unexpected(
            str(detail.get("highlight") or ""), detail.get("line") or 1, (detail.get("col") or 1) - 1
        ) from None
    except TokenError as error:
        raise syntax(str(error).splitlines()[0], 1, 0) from None
    except StarRocksError:
        raise
    if len(found) != 1 or found[0] is None:
        raise syntax("No viable statement", 1, 0)
    _check_names(found[0], text)
    return found[0]


def _check_names(tree: exp.Expr, text: str) -> None:
    """sqlglot takes more words for names than StarRocks does. Raises StarRocksError 1064 with the place."""
    for name in tree.find_all(exp.Identifier):
        word = name.name.upper()
        if word in RESERVED and word not in MEANT_OTHERWISE and not name.args.get("quoted"):
            start = int(name.meta.get("start", 0))
            line_start = text.rfind("\n", 0, start) + 1
            raise unexpected(name.name, text.count("\n", 0, start) + 1, start - line_start)
