"""Finds the handler of a statement by its leading words."""

import importlib
import itertools
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.results import Result
from emulator.sql.reader import Reader

if TYPE_CHECKING:
    from emulator.session import Session

Handle = Callable[["Session", Reader], Result]


@dataclass(frozen=True)
class Handler:
    """A statement's handler; `pattern` names it in messages."""

    pattern: str
    handle: Handle
    in_transaction: bool
    words: int


_HANDLERS: dict[tuple[str, ...], Handler] = {}


def statement(*patterns: str, in_transaction: bool = False) -> Callable[[Handle], Handle]:
    """Declare a function as the handler of statements that start so (see the package's docstring)."""

    def register(handle: Handle) -> Handle:
        for pattern in patterns:
            for words in _variants(pattern):
                _HANDLERS[words] = Handler(pattern, handle, in_transaction, len(words))
        return handle

    return register


def _variants(pattern: str) -> list[tuple[str, ...]]:
    choices: list[tuple[tuple[str, ...], ...]] = []
    for part in pattern.replace("[", "\0[").replace("]", "]\0").split("\0"):
        words = tuple(part.strip("[] ").split())
        if part.startswith("["):
            choices.append(((), words))
        elif words:
            choices.append((words,))
    return [tuple(itertools.chain(*chosen)) for chosen in itertools.product(*choices)]


def find(reader: Reader) -> Handler | None:
    """The handler with the longest matching words, or None; the reader is moved behind them."""
    longest = max(len(words) for words in _HANDLERS)
    words = []
    for offset in range(min(longest, len(reader.tokens))):
        token = reader.tokens[offset]
        words.append(token.text.upper())
    for length in range(len(words), 0, -1):
        handler = _HANDLERS.get(tuple(words[:length]))
        if handler is not None:
            reader.at = length
            return handler
    return None


def exactly(words: tuple[str, ...]) -> Handler | None:
    """The handler that is declared for just these words."""
    return _HANDLERS.get(words)


def patterns() -> dict[tuple[str, ...], Handler]:
    """Every declared way to begin a statement, with its handler."""
    return dict(_HANDLERS)


def load() -> None:
    """Import every module of the package, so that each declares its statements."""
    package = importlib.import_module("emulator.statements")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"emulator.statements.{module.name}")
