"""Read a JSON body into the canonical form: one row an object, one raw JSON token a field.

Tokens are kept as the sender wrote them (a number is never turned into a float), so every u64 and decimal arrives
exact. Rules: keys match by exact name, unknown keys are ignored, an absent key is NULL; with `jsonpaths`
fields are taken by position. Source: be/src/exec/file_scanner/json_scanner.cpp, be/src/exec/json_parser.cpp.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any

import msgspec

from emulator.stream_load.body import NULL, SEPARATOR, Body
from emulator.stream_load.headers import LoadError, LoadOptions

_BLANK = b" \t\r\n"
_NOTHING = msgspec.Raw(NULL)
_DECODER = json.JSONDecoder()
_STEP = re.compile(r"\.?(?:\"([^\"]+)\"|([^.\[\]]+))|\[(\d+)\]")
Path_ = tuple[str | int, ...]
Raws = list[msgspec.Raw]


def write(parts: list[bytes], options: LoadOptions, names: tuple[str, ...], keys: tuple[str, ...], path: Path) -> Body:
    """Write the rows of a body (or of several) to `path`. `names` are the file's columns, `keys` the fields' JSON keys.

    Raises LoadError when the body is not the JSON that the headers promise.
    """
    if options.jsonpaths:
        documents = (document for data in parts for document in _documents(data, options))
        lines = _by_paths(documents, _paths(options.jsonpaths), len(keys))
    else:
        lines = _by_keys(parts, options, keys)
    with path.open("wb") as file:
        file.writelines(lines)
    return Body(path, names, json=True, pointed=frozenset(range(len(names))))


def _documents(data: bytes, options: LoadOptions) -> Raws:
    """The objects that become rows, undecoded."""
    start = _start(data, options)
    if not start:
        return []
    if options.json_root:
        return _under_root(data, start, options)
    return _array(data, "Failed to parse json as array. error: ") if start == b"[" else list(_stream(data))


def _start(data: bytes, options: LoadOptions) -> bytes:
    """The first sign of a body, `{` or `[`; b"" for an empty one. Raises LoadError for anything else."""
    start = data.lstrip(_BLANK)[:1]
    if not start:
        return b""
    if start not in (b"{", b"["):
        raise LoadError(f"illegal json started with [{start.decode(errors='replace')}]")
    sample = data[:100].decode(errors="replace")
    if options.strip_outer_array and not options.json_root and start != b"[":
        raise LoadError(f"the value should be array type with strip_outer_array=true, value: {sample}")
    if start == b"[" and not options.json_root and not options.strip_outer_array:
        raise LoadError(
            "The value is array type in json document stream, you can set strip_outer_array=true to parse each"
            f" element of the array as individual rows, value: {sample}"
        )
    return start


def _array(data: bytes | msgspec.Raw, message: str) -> Raws:
    try:
        return msgspec.json.decode(data, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise LoadError(f"{message}{error}") from error


def _stream(data: bytes) -> Iterator[msgspec.Raw]:
    """Documents one after another: one a line, or in any other spacing."""
    try:
        yield from msgspec.json.Decoder(msgspec.Raw).decode_lines(data)
        return
    except msgspec.DecodeError:
        pass  # documents need not end with their line: cut them one by one
    try:
        text = data.decode()
        decoder, position = json.JSONDecoder(), 0
        while (position := len(text) - len(text[position:].lstrip())) < len(text):
            _, end = decoder.raw_decode(text, position)
            yield msgspec.Raw(text[position:end].encode())
            position = end
    except (ValueError, UnicodeDecodeError) as error:
        raise LoadError(f"Failed to iterate document stream as object. error: {error}") from error


def _under_root(data: bytes, start: bytes, options: LoadOptions) -> Raws:
    """With json_root an outer array is always expanded, and strip_outer_array speaks of the array under the root."""
    documents = (
        _array(data, "Failed to parse json as array with json root. error: ") if start == b"[" else list(_stream(data))
    )
    root = _path(options.json_root)
    found: Raws = []
    for document in documents:
        value = _walk(document, root)
        kind = bytes(value)[:1]
        if options.strip_outer_array:
            if kind != b"[":
                raise LoadError(
                    f"The value under json_root is not an array with strip_outer_array=true: {bytes(value)[:100]!r}"
                )
            found += _array(value, "Failed to parse the array under json root. error: ")
        elif kind == b"[":
            raise LoadError(
                "The value is array type in json document stream with json root, you can set"
                " strip_outer_array=true to parse"
                " each element of the array as individual rows"
            )
        else:
            found.append(value)
    return found


def _by_keys(parts: list[bytes], options: LoadOptions, keys: tuple[str, ...]) -> Iterator[bytes]:
    """Lines of tokens, the keys found by name."""
    fields = [(f"f{at}", msgspec.Raw, _NOTHING) for at in range(len(keys))]
    row_type = msgspec.defstruct("Row", fields, rename={f"f{at}": key for at, key in enumerate(keys)})
    astuple: Callable[[Any], tuple[msgspec.Raw, ...]] = msgspec.structs.astuple
    for data in parts:
        rows = [astuple(row) for row in _rows(data, options, row_type)]
        if _may_repeat_keys(data, keys, rows):
            rows = [_first_values(document, keys) for document in _documents(data, options)]
        yield from map(_line, rows)


def _may_repeat_keys(data: bytes, keys: tuple[str, ...], rows: list[tuple[msgspec.Raw, ...]]) -> bool:
    """False when it is certain that no object has a key twice: there are no more keys than values were found."""
    present = sum(len(row) - row.count(_NOTHING) for row in rows)
    return data.count(b'":') != present and sum(data.count(f'"{key}"'.encode()) for key in keys) != present


def _first_values(document: msgspec.Raw, keys: tuple[str, ...]) -> tuple[msgspec.Raw, ...]:
    """The values of an object's keys, of one that is there twice the first (`_construct_row_without_jsonpath`)."""
    text = bytes(document).decode()
    found: dict[str, str] = {}
    at = _after_blanks(text, text.index("{") + 1)
    while text[at] != "}":
        key, at = scanstring(text, at + 1)
        start = _after_blanks(text, _after_blanks(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        found.setdefault(key, text[start:end])
        at = _after_blanks(text, end)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
    return tuple(msgspec.Raw(found[key].encode()) if key in found else _NOTHING for key in keys)


def _after_blanks(text: str, at: int) -> int:
    while text[at].isspace():
        at += 1
    return at


def _rows(data: bytes, options: LoadOptions, row_type: Any) -> list[Any]:
    """Objects decoded into `row_type`: at once where the body is plain, one by one where it has to be cut first."""
    start = _start(data, options)
    one: msgspec.json.Decoder[Any] = msgspec.json.Decoder(row_type)
    try:
        if start == b"[" and not options.json_root:
            return msgspec.json.Decoder(list[row_type]).decode(data)
        if start == b"{" and not options.json_root:
            return one.decode_lines(data)
    except msgspec.DecodeError:
        pass  # several documents a line, or a mistake: the slow way finds out which, and words it
    try:
        return [one.decode(document) for document in _documents(data, options)]
    except msgspec.DecodeError as error:
        raise LoadError(f"Failed to iterate json as object. error: {error}") from error


def _line(tokens: Iterable[msgspec.Raw]) -> bytes:
    line = SEPARATOR.join(tokens)
    if b"{" in line or b"[" in line:  # arrays and objects are kept without white space
        line = SEPARATOR.join([_minified(token) for token in tokens])
    return line + b"\n"


def _minified(token: msgspec.Raw) -> bytes:
    raw = bytes(token)
    return msgspec.json.format(raw, indent=-1) if raw[:1] in (b"{", b"[") else raw


def _paths(header: str) -> list[Path_]:
    try:
        texts = msgspec.json.decode(header, type=list[str])
    except msgspec.DecodeError as error:
        raise LoadError(f"Invalid json path: {header}, error: {error}") from error
    return [_path(text) for text in texts]


def _path(text: str) -> Path_:
    """Steps of `$.a.b[0]`: keys and positions; `$` alone is the whole document."""
    rest = text.strip().removeprefix("$")
    steps: list[str | int] = []
    position = 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        if found is None:
            raise LoadError(f"Invalid json path: {text}")
        steps.append(int(found.group(3)) if found.group(3) else found.group(1) or found.group(2))
        position = found.end()
    return tuple(steps)


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def _walk(value: msgspec.Raw, path: Path_) -> msgspec.Raw:
    for step in path:
        try:
            if isinstance(step, int):
                items = _ARRAY.decode(value)
                value = items[step] if step < len(items) else _NOTHING
            else:
                value = _OBJECT.decode(value).get(step, _NOTHING)
        except msgspec.ValidationError:
            return _NOTHING
        except msgspec.DecodeError as error:
            raise LoadError(f"Failed to parse json. error: {error}") from error
        if value is _NOTHING:
            break
    return value


def _by_paths(documents: Iterable[msgspec.Raw], paths: list[Path_], count: int) -> Iterator[bytes]:
    """Lines of tokens by position: the n-th path fills the n-th field."""
    wanted = [paths[at] if at < len(paths) else None for at in range(count)]
    for document in documents:
        yield _line([_NOTHING if path is None else _walk(document, path) for path in wanted])
