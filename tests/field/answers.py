"""What a step says about an answer: one function for each word, called with the body and what was expected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


class Missing:
    """What stands at a path that leads nowhere."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()

KINDS = {
    "string": str,
    "number": (int, float),
    "int": int,
    "bool": bool,
    "object": dict,
    "array": list,
}


def look_up(document, path: str):
    """Find what stands at a path (a.b.0; the empty path is the whole document), or MISSING."""
    for key in path.split(".") if path else ():
        if isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        elif isinstance(document, dict) and key in document:
            document = document[key]
        else:
            return MISSING
    return document


def is_equal(found, expected) -> bool:
    """Compare values; true is not 1, though Python takes it for that."""
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def is_kind(found, kind: str) -> bool:
    return isinstance(found, KINDS[kind]) and (kind == "bool" or not isinstance(found, bool))


def is_near(found, expected) -> bool:
    value, tolerance = expected
    return is_kind(found, "number") and abs(found - value) <= tolerance


# Each takes what stands at a path and what the step says about it.
AT_PATHS = {
    "json": is_equal,
    "keys": lambda found, keys: isinstance(found, dict) and found.keys() == set(keys),
    "has_all": lambda found, entries: set(entries) <= set(found),
    "count": lambda found, number: isinstance(found, dict | list) and len(found) == number,
    "near": is_near,
    "types": is_kind,
    "one_of": lambda found, values: any(is_equal(found, value) for value in values),
    "not": lambda found, value: not is_equal(found, value),
}
# Each takes what stands at one of the paths that a step lists.
LISTED = {
    "absent": lambda found: found is MISSING,
    "null": lambda found: found is None,
    "no_null": lambda found: found is not MISSING and found is not None,
}
ON_TEXT = {
    "text": lambda body, parts: all(part in body for part in parts),
    "lacks": lambda body, parts: not any(part in body for part in parts),
    "lines": lambda body, lines: body.splitlines() == lines,
}


WORDS = {*AT_PATHS, *LISTED, *ON_TEXT, "equals"}


# Keys that an answer got since its case was reported: the case holds without them.
ADDED = {"/soe": {"raw_percentage"}}


def problems(body: str, step: dict) -> list[str]:
    """Say what of a step does not hold for the body of an answer."""
    return [*_in_text(body, step), *_in_document(body, step)]


def _in_text(body: str, step: dict) -> Iterator[str]:
    for word, holds in ON_TEXT.items():
        if word in step and not holds(body, step[word]):
            yield f"{word} {step[word]}: {body[:500]}"


def _as_reported(document: Any, step: dict) -> Any:
    """Leave out of an answer what was added since the case was reported."""
    added = ADDED.get(step.get("get", ""), set())
    return {key: value for key, value in document.items() if key not in added} if added else document


def _in_document(body: str, step: dict) -> Iterator[str]:
    if not (WORDS - ON_TEXT.keys()) & step.keys():
        return
    document = json.loads(body)
    if "equals" in step and not is_equal(_as_reported(document, step), step["equals"]):
        yield f"equals {step['equals']}: {document}"
    for word, holds in AT_PATHS.items():
        for path, expected in step.get(word, {}).items():
            found = look_up(document, path)
            if found is MISSING or not holds(found, expected):
                yield f"{word} {path} {expected}: {found}"
    for word, holds in LISTED.items():
        for path in step.get(word, []):
            found = look_up(document, path)
            if not holds(found):
                yield f"{word} {path}: {found}"
