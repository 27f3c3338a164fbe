"""Changes of JSON documents that DuckDB has not: json_set, json_remove, json_contains, json_pretty, in Python.

Meaning: `be/src/exprs/json_functions.cpp`; recorded: `test/sql/test_json`.
"""

import json
import re
from typing import Any

Step = str | int
_STEP = re.compile(r'\.(?:"([^"]*)"|([^.\[\]]+))|\[(\d+)\]')


def _steps(path: str) -> list[Step] | None:
    """The keys and places of a path; None when it is none."""
    if not path.startswith("$"):
        return None
    found, at = [], 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        quoted, plain, place = match.groups()
        found.append(int(place) if place is not None else (quoted if quoted is not None else plain))
        at = match.end()
    return found


def _down(document: Any, step: Step) -> Any:
    if isinstance(step, int):
        return document[step] if isinstance(document, list) and step < len(document) else None
    return document.get(step) if isinstance(document, dict) else None


def _shown(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True)


def _set(document: Any, steps: list[Step], value: Any) -> Any:
    """The document with a value at a path; unchanged where the parent is not there."""
    if not steps:
        return value
    parent = document
    for step in steps[:-1]:
        parent = _down(parent, step)
    last = steps[-1]
    if isinstance(last, str) and isinstance(parent, dict):
        parent[last] = value
    elif isinstance(last, int) and isinstance(parent, list):
        parent[last : last + 1] = [value]
    return document


def json_set(text: str | None, pairs: list[str | None]) -> str | None:
    """`pairs`: path, value as JSON text, path, value ...; NULL when anything is."""
    if text is None or any(each is None for each in pairs):
        return None
    document = json.loads(text)
    for path, value in zip(pairs[::2], pairs[1::2], strict=True):
        steps = _steps(str(path))
        if steps is not None:
            document = _set(document, steps, json.loads(str(value)))
    return _shown(document)


def json_remove(text: str | None, paths: list[str | None]) -> str | None:
    """The document without what is at the paths; a path that leads nowhere changes nothing."""
    if text is None or any(each is None for each in paths):
        return None
    document = json.loads(text)
    for path in paths:
        steps = _steps(str(path))
        if not steps:
            continue
        parent = document
        for step in steps[:-1]:
            parent = _down(parent, step)
        last = steps[-1]
        if isinstance(parent, dict):
            parent.pop(last, None)
        elif isinstance(parent, list) and isinstance(last, int):
            del parent[last : last + 1]
    return _shown(document)


def json_contains(target: str | None, candidate: str | None) -> bool | None:
    """Is every key, or every element in its order, of the candidate in the target?"""
    if target is None or candidate is None:
        return None
    return _contains(json.loads(target), json.loads(candidate))


def _contains(target: Any, candidate: Any) -> bool:
    if isinstance(target, dict) and isinstance(candidate, dict):
        return all(key in target and _contains(target[key], value) for key, value in candidate.items())
    if isinstance(target, list) and isinstance(candidate, list):
        return all(any(_contains(each, wanted) for each in target) for wanted in candidate)
    return type(target) is type(candidate) and bool(target == candidate)


def json_print(text: str | None) -> str | None:
    """A document as a cast to text prints it: keys in order, a blank behind `:` and `,`."""
    return _shown(json.loads(text)) if text is not None else None


def json_pretty(text: str | None) -> str | None:
    """One value a line, two blanks a level, ` : ` behind a key."""
    if text is None:
        return None
    return json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True, indent=2, separators=(",", " : "))
