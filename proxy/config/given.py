"""What is written for a setting, and where: environment, settings file, file of a secret.

The environment wins over the file; ``NAME_FILE`` names a file that holds a secret. Values are
taken as they are: no ``$`` is expanded, no ``#`` starts a comment. Quotes are part of a text;
around a value that cannot contain any they are ignored with a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proxy.config.specs import SettingSpec, show
from proxy.core.redaction import Redactor, conceal

_LONGEST_SHOWN = 60
_NUL = "\0"  # TOML can write it; no path, name or address may have it


@dataclass(frozen=True, slots=True)
class Given:
    """The text given for a setting, and where it was found."""

    text: str
    name: str  # how the writer called it: PW_PORT, port in /etc/proxy.toml
    origin: str


@dataclass(slots=True)
class Findings:
    """Problems, which end the program, and warnings; both without the secrets that were read."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    redactor: Redactor = field(default_factory=Redactor)

    def conceal(self, rows: Iterable[SettingSpec], given: Mapping[str, Given | None]) -> None:
        """Never show the secrets among these."""
        for row in rows:
            if row.secret and (text := given[row.key]):
                conceal(text.text, lasting=True)
                self.redactor.conceal(text.text)


def find(
    row: SettingSpec, environ: Mapping[str, str], table: Mapping[str, Any], file: str, found: Findings
) -> Given | None:
    """Find what is written for a setting; the strongest place wins."""
    named = f"{row.env}_FILE"
    if row.secret and environ.get(named):
        if environ.get(row.env):
            found.problems.append(f"{row.env} and {named} are both set: only one of them can hold.")
        return _secret(environ[named], named, found)
    if text := environ.get(row.env):
        return Given(text, row.env, "environment")
    if row.secret and (path := table.get(f"{row.key}_file")):
        return _secret(str(path), f"{row.key}_file in {file}", found)
    if row.key not in table:
        return None
    name = f"{row.key} in {file}"
    if (written := _text(table[row.key])) is None:
        found.problems.append(f"{name} must be a text, a number, true, false or a list of texts.")
        return None
    if _NUL in written:
        found.problems.append(f"{name} has a NUL character in it.")
        return None
    return Given(written, name, file) if written else None


def parsed(row: SettingSpec, given: Given, found: Findings) -> Any:
    """Return the value that a text stands for; the default, with a problem or a warning, if it is none."""
    try:
        return row.kind.parse(given.text)
    except ValueError as exc:
        text = found.redactor.redact(given.text, _LONGEST_SHOWN)
        problem = f'{given.name} is "{text}", but must be {exc}'
    if (value := _unquoted(row, given.text)) is not None:
        found.warnings.append(f"{given.name} is in quotes, which are ignored: {show(value)} is used.")
        return value
    if row.lenient:
        found.warnings.append(f"{problem}; {show(row.fallback)} is used.")
        return row.fallback
    found.problems.append(f"{problem}.")
    return row.default


def nearest(name: str, names: Iterable[str]) -> str:
    """Finish a sentence about an unknown name with the one that was probably meant."""
    import difflib  # noqa: PLC0415 - only for what is misspelt

    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else "."


def _secret(path: str, name: str, found: Findings) -> Given | None:
    """Read a file that holds a secret; the line end that editors add is not part of it."""
    if _NUL in path:
        found.problems.append(f"{name}: no file has a NUL character in its name.")
        return None
    try:
        text = Path(path).read_text("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except OSError as exc:
        found.problems.append(f"{name}: {path} cannot be read ({exc.strerror}).")
        return None
    except UnicodeDecodeError:
        found.problems.append(f"{name}: {path} is not a text in UTF-8.")
        return None
    if not text:
        found.problems.append(f"{name}: {path} is empty.")
        return None
    return Given(text, name, path)


def _text(value: Any) -> str | None:
    """Write a TOML value as the environment would; None if it cannot be one."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case int() | float():
            return str(value)
        case list() if all(isinstance(part, str) for part in value):
            return ",".join(value)
        case _:
            return None


def _unquoted(row: SettingSpec, text: str) -> Any:
    """Read a value without the quotes around it, which docker's env files and lists keep; None if that fails too."""
    if len(text) < len('""') or text[0] != text[-1] or text[0] not in {'"', "'"}:
        return None
    try:
        return row.kind.parse(text[1:-1])
    except ValueError:
        return None
