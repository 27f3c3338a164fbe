"""A body in the spool, in the forms that it can be read in.

The canonical form (csv_body, json_body) says exactly what StarRocks would read, and costs a pass in Python. Bodies of
the usual kind are read by DuckDB as they came, where that is known to give the same rows: CSV whose quotes only
enclose fields, JSON whose fields keep their meaning as text. Where such a reading meets anything unusual (an error, a
row that is refused) it is thrown away and the canonical form decides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from emulator.stream_load import byte_facts, csv_body, json_body
from emulator.stream_load.body import NEW_LINES, Body
from emulator.stream_load.csv_body import BYTE_ORDER_MARK, NATIVE_SEPARATORS
from emulator.stream_load.headers import LoadOptions

READ_BYTES = 1 << 20
LONGEST_DOCUMENT = 1 << 30


class Received:
    """The body of one load. `names` are the columns of what is read, `keys` the fields' names.

    `exact_texts`: a field is needed as the text that was sent, `nested`: one may be an array or an object, `types`: the
    DuckDB types of the fields that are whole numbers, '' for others.
    """

    def __init__(
        self,
        path: Path,
        options: LoadOptions,
        keys: tuple[str, ...],
        types: tuple[str, ...],
        exact_texts: bool,
        nested: bool,
    ) -> None:
        self._path, self._raw = path, path.with_suffix(".raw")
        self._options, self._keys, self._types = options, keys, types
        self._names = tuple(f"__f{at}" for at in range(len(keys)))
        self._exact_texts, self._nested = exact_texts, nested
        self._canonical: Body | None = None
        self._letters: set[bytes] = set()  # of those that make a closer look necessary
        self.native: Body | None = None

    def take(self, parts: list[Iterable[bytes]]) -> None:
        """Write the body: CSV parts are joined, each JSON part is read by itself. Raises LoadError."""
        options = self._options
        if options.format == "json":
            if len(parts) > 1 or options.jsonpaths or options.json_root or self._nested:
                texts = [b"".join(chunks) for chunks in parts]
                self._canonical = json_body.write(texts, options, self._names, self._keys, self._path)
                return
            self._keep(parts[0])
            self.native = self._native_json()
            return
        chunks = (chunk for part in parts for chunk in part)
        if options.enclose and self._may_be_native():
            self._keep(csv_body.without_header(chunks, options.row_delimiter, options.skip_header))
            self.native = self._native_csv()
            return
        self._canonical = csv_body.write(chunks, options, self._names, self._path)

    def canonical(self) -> Body:
        """The form that is always right. Raises LoadError for what is not what the headers promise."""
        if self._canonical is None and self._options.format == "json":
            text = self._raw.read_bytes()
            self._canonical = json_body.write([text], self._options, self._names, self._keys, self._path)
        elif self._canonical is None:
            options = dataclasses.replace(self._options, skip_header=0)
            self._canonical = csv_body.write(chunks_of(self._raw), options, self._names, self._path)
        return self._canonical

    def remove(self) -> None:
        """Give back the files."""
        self._path.unlink(missing_ok=True)
        self._raw.unlink(missing_ok=True)

    def _keep(self, chunks: Iterable[bytes]) -> None:
        with self._raw.open("wb") as file:
            for chunk in chunks:
                self._letters.update(letter for letter in (b".", b"x") if letter in chunk)
                file.write(chunk)

    def _may_be_native(self) -> bool:
        options = self._options
        usual = options.column_separator in NATIVE_SEPARATORS and options.row_delimiter == b"\n"
        marks = {options.enclose, options.escape, options.column_separator, options.row_delimiter}
        return usual and not options.trim_space and len(self._keys) > 1 and len(marks) == 4

    def _native_csv(self) -> Body | None:
        options = self._options
        unusual = [b"\r", b"\x1f", b"\0", *([options.escape] if options.escape else [])]
        first = True
        for chunk in chunks_of(self._raw):
            if any(mark in chunk for mark in unusual) or (first and chunk.startswith(BYTE_ORDER_MARK)):
                return None
            first = False
        separator = options.column_separator
        if first or not byte_facts.quotes_enclose_fields(self._raw, options.enclose[0], separator[0]):
            return None
        everywhere = frozenset(range(len(self._keys)))
        return Body(self._raw, self._names, separator=separator, quote=options.enclose, pointed=everywhere)

    def _native_json(self) -> Body | None:
        size = self._raw.stat().st_size
        start = next((chunk.lstrip(NEW_LINES)[:1] for chunk in chunks_of(self._raw)), b"")
        wanted = b"[" if self._options.strip_outer_array else b"{"
        folded = {key.lower() for key in self._keys}
        if start != wanted or size > LONGEST_DOCUMENT or len(folded) < len(self._keys):
            return None
        starts = byte_facts.value_starts(self._raw)
        decimals = b"." not in self._letters or byte_facts.decimals_are_texts(self._raw)
        if starts - set('"0-ntf{[~') or (
            self._exact_texts and (starts & set("tf{[~") or not decimals or byte_facts.has_exponents(self._raw))
        ):
            return None
        kind = "array" if start == b"[" else "newline_delimited"
        everywhere = frozenset(range(len(self._keys)))
        plain = decimals and not starts & set("tf") and b"x" not in self._letters
        types = self._types if plain else ("",) * len(self._keys)
        return Body(self._raw, self._names, keys=self._keys, types=types, documents=kind, size=size, pointed=everywhere)


def chunks_of(path: Path) -> Iterable[bytes]:
    """The bytes of a file of the spool."""
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            yield chunk
