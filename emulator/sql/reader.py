"""Reads a statement word by word: for the statements that have a grammar of their own, one small function each.

reader.accept("IF", "NOT", "EXISTS")      # take these words if they come next
reader.expect("ON")                       # or error 1064 at the place
db, name = reader.qualified_name()        # `db`.`t`, db '' when not given
reader.properties()                       # ("k" = "v", ...)
reader.rest()                             # the source text from here on
reader.end()                              # nothing may follow
"""

from typing import NoReturn

from sqlglot.tokenizer_core import Token, TokenType

from emulator.errors import unexpected
from emulator.sql.dialect import Statement
from emulator.sql.reserved import RESERVED

_TEXT = {TokenType.STRING}


class Reader:
    """A position in the tokens of one statement."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.tokens = statement.tokens
        self.at = 0

    @property
    def text(self) -> str:
        """The whole statement as the client wrote it."""
        return self.statement.text

    def peek(self, ahead: int = 0) -> Token | None:
        position = self.at + ahead
        return self.tokens[position] if position < len(self.tokens) else None

    def next_is(self, *words: str) -> bool:
        """True when these words or signs come next."""
        return all(self._word(offset) == word for offset, word in enumerate(words))

    def _word(self, ahead: int) -> str:
        token = self.peek(ahead)
        if token is None or token.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
            return ""
        return token.text.upper()

    def accept(self, *words: str) -> bool:
        """Take the words if they come next."""
        if self.next_is(*words):
            self.at += len(words)
            return True
        return False

    def accept_any(self, *words: str) -> str | None:
        """Take the next word if it is one of these; give it."""
        return next((word for word in words if self.accept(word)), None)

    def expect(self, *words: str) -> None:
        """Take the words. Raises 1064 at the first that is not there."""
        for word in words:
            if not self.accept(word):
                self.fail()

    def fail(self) -> NoReturn:
        """Raise 1064 at the present place."""
        token = self.peek()
        if token is None:
            line = self.text.count("\n") + 1
            raise unexpected("<EOF>", line, len(self.text) - (self.text.rfind("\n") + 1))
        source = self.text[token.start : token.end + 1]
        raise unexpected(source, token.line, token.start - (self.text.rfind("\n", 0, token.start) + 1))

    def take(self) -> Token:
        """Any token. Raises 1064 at the end."""
        token = self.peek()
        if token is None:
            self.fail()
        self.at += 1
        return token

    def identifier(self) -> str:
        """A name, quoted or not."""
        token = self.peek()
        if token is None or token.token_type == TokenType.STRING or not _is_name(token):
            self.fail()
        return self.take().text

    def qualified_name(self) -> tuple[str, str]:
        """`[catalog.][db.]name` as (db, name); db '' when not given."""
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return ("", parts[0]) if len(parts) == 1 else (parts[-2], parts[-1])

    def string(self) -> str:
        """A text in quotes."""
        token = self.peek()
        if token is None or token.token_type != TokenType.STRING:
            self.fail()
        return self.take().text

    def number(self) -> int:
        """A whole number without sign."""
        token = self.peek()
        if token is None or not token.text.isdigit():
            self.fail()
        return int(self.take().text)

    def word_or_string(self) -> str:
        """A name, a number or a text in quotes."""
        token = self.peek()
        return self.string() if token is not None and token.token_type == TokenType.STRING else self.take().text

    def identifiers(self) -> tuple[str, ...]:
        """`(a, b, c)`."""
        self.expect("(")
        names = [self.identifier()]
        while self.accept(","):
            names.append(self.identifier())
        self.expect(")")
        return tuple(names)

    def properties(self) -> dict[str, str]:
        """`("k" = "v", ...)`."""
        self.expect("(")
        found: dict[str, str] = {}
        while not self.accept(")"):
            key = self.word_or_string()
            self.expect("=")
            found[key] = self.word_or_string()
            if not self.next_is(")"):
                self.expect(",")
        return found

    def comment(self) -> str:
        """`COMMENT 'text'` if it comes next, else ''."""
        return self.string() if self.accept("COMMENT") else ""

    def bracketed(self) -> str:
        """The source between `(` and its `)`; takes both."""
        first = self.peek()
        self.expect("(")
        depth = 1
        while depth:
            token = self.take()
            if token.token_type not in _TEXT:
                depth += (token.text == "(") - (token.text == ")")
        assert first is not None
        return self.text[first.end + 1 : self.tokens[self.at - 1].start]

    def source(self, start: int, stop: int) -> str:
        """The source text of the tokens from `start` up to, not including, `stop`."""
        return self.text[self.tokens[start].start : self.tokens[stop - 1].end + 1] if stop > start else ""

    def rest(self) -> str:
        """The source text from here to the end; takes it all."""
        start, self.at = self.at, len(self.tokens)
        return self.source(start, len(self.tokens))

    def at_end(self) -> bool:
        return self.at >= len(self.tokens)

    def end(self) -> None:
        """Raises 1064 when anything follows."""
        if not self.at_end():
            self.fail()


def _is_name(token: Token) -> bool:
    if token.token_type == TokenType.IDENTIFIER:
        return True
    if token.token_type == TokenType.VAR and token.text[:1].isdigit():
        return True  # DIGIT_IDENTIFIER of StarRocksLex.g4: 9a
    return (token.text[:1].isalpha() or token.text[:1] in "_$") and token.text.upper() not in RESERVED
