"""How a text file is written when no `-- dialect:` says so: told from its header and the names that its table knows."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from pathlib import Path

from lib import log
from lib.dialect import Dialect
from lib.sources._files.opened import SourceFile

_DELIMITERS = (",", ";", "\t", "|")
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_LONGEST = 64 * 1024


def detected(file: SourceFile, path: Path) -> SourceFile:
    """The file with its dialect: the declared one, else UTF-8 or what a mark of byte order says, and a delimiter.

    That is the one under which the header has most of the names that the table file mentions; a comma, when none has
    more. Quotes are double quotes. Raises `DataRefused` for a file that is not called CSV and has no such name.
    """
    if file.table.dialect.declared:
        return file
    with path.open("rb") as data:
        beginning = data.read(_LONGEST)
    encoding = next((name for mark, name in _MARKS.items() if beginning.startswith(mark)), "utf-8")
    header = re.split("\r|\n", beginning.decode(encoding, "ignore").removeprefix("\ufeff"), maxsplit=1)[0]
    known = file.mentioned()
    counts = {mark: sum(_name(part) in known for part in header.split(mark)) for mark in _DELIMITERS}
    # Of equals the first.
    delimiter = max(counts, key=lambda mark: counts[mark])
    if not counts[delimiter] and ".csv" not in file.path.suffixes:
        raise file.wrong("how is it written?", hint='say it in the table file, such as -- dialect: delimiter=";"')
    found = Dialect(delimiter=delimiter, encoding=encoding)
    if found != Dialect():
        log.info("dialect_detected", table=file.table.name, file=file.name, delimiter=delimiter, encoding=encoding)
    return replace(file, table=replace(file.table, dialect=found))


def _name(part: str) -> str:
    return part.strip().strip('"').lower()
