"""Environment, TOML file and secret files -> Settings, or everything that is wrong with them.

The environment wins over the file, the file over the default; an empty value
counts as none. ``NAME_FILE`` names a file that holds a secret. Values are taken
as they are: no ``$`` is expanded, no ``#`` starts a comment. Quotes are part of a
text; around a value that cannot contain any they are ignored with a warning.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from proxy.config import checks
from proxy.config.cloud import cloud_mode
from proxy.config.settings import SETTINGS, Settings, settings_of
from proxy.config.specs import SettingSpec, show
from proxy.core.redaction import Redactor, conceal, printable
from proxy.state.folder import default_folder

_PREFIX = "PW_"
_LONGEST_SHOWN = 60
_NUL = "\0"  # TOML can write it; no path, name or address may have it

# Of newer releases of the pypowerwall proxy, without a meaning here.
_UNUSED = frozenset({"PW_TEDAPI_AUTH_MODE", "PW_FIRMWARE_CHECK_INTERVAL"})


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` has one line for each reason."""

    def __init__(self, problems: list[str], warnings: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, where each of them comes from (by key), and what is odd about them."""

    settings: Settings
    origins: Mapping[str, str]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """The text given for a setting, and where it was found."""

    text: str
    name: str  # how the writer called it: PW_PORT, port in /etc/proxy.toml
    origin: str


@dataclass(slots=True)
class _Findings:
    """What turned up on the way."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    redactor: Redactor = field(default_factory=Redactor)


def load(environ: Mapping[str, str], *, needs_gateway: bool = True, makes_key: bool = False) -> Loaded:
    """Read all settings.

    ``needs_gateway=False`` accepts settings without PW_HOST, for commands that do without;
    ``makes_key`` is for the one that makes what PW_RSA_KEY_PATH names.
    Raises SettingsError with every problem at once. Conceals the secrets it reads.
    """
    found = _Findings()
    table, file = _read_toml(environ.get("PW_CONFIG", ""), found)
    is_complete = not found.problems  # what an unreadable file would have said is unknown
    given = {row.key: _given(row, environ, table, file, found) for row in SETTINGS}
    are_read = not found.problems
    for row in SETTINGS:
        if row.secret and (text := given[row.key]):
            conceal(text.text, lasting=True)
            found.redactor.conceal(text.text)

    values = {row.key: _value(row, text, found) for row in SETTINGS if (text := given[row.key])}
    settings = _completed(settings_of(**values), environ)
    found.warnings += _unknown(environ, table, file)
    is_named = (
        bool(environ.get("PW_HOST")) or table.get("host", "") != "" or bool(cloud_mode(settings.gateway))
    )
    checked = replace(settings, gateway=replace(settings.gateway, rsa_key_path="")) if makes_key else settings
    found.problems += checks.problems(checked, lacks_gateway=needs_gateway and is_complete and not is_named)
    if are_read:  # nothing is called missing that stands in a file of which the reader hears anyway
        found.warnings += checks.warnings(settings)
    # Foreign text in a sentence must not look like another line.
    odd = [printable(line) for line in found.warnings]
    if found.problems:
        raise SettingsError([printable(line) for line in found.problems], odd)
    origins = {key: text.origin if text else "default" for key, text in given.items()}
    return Loaded(settings, origins, tuple(odd))


def _read_toml(path: str, found: _Findings) -> tuple[dict[str, Any], str]:
    """Read the settings file, if one is named."""
    if not path:
        return {}, ""
    try:
        return tomllib.loads(Path(path).read_text("utf-8-sig")), path
    except OSError as exc:
        found.problems.append(f"PW_CONFIG: {path} cannot be read ({exc.strerror}).")
    except UnicodeDecodeError:
        found.problems.append(f"PW_CONFIG: {path} is not a text in UTF-8.")
    except tomllib.TOMLDecodeError as exc:
        found.problems.append(f"PW_CONFIG: {path} is not TOML: {exc}.")
    return {}, path


def _given(
    row: SettingSpec, environ: Mapping[str, str], table: Mapping[str, Any], file: str, found: _Findings
) -> _Given | None:
    """Find what is written for a setting; the strongest place wins."""
    named = f"{row.env}_FILE"
    if row.secret and environ.get(named):
        if environ.get(row.env):
            found.problems.append(f"{row.env} and {named} are both set: only one of them can hold.")
        return _secret(environ[named], named, found)
    if text := environ.get(row.env):
        return _Given(text, row.env, "environment")
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
    return _Given(written, name, file) if written else None


def _secret(path: str, name: str, found: _Findings) -> _Given | None:
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
    return _Given(text, name, path)


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


def _value(row: SettingSpec, given: _Given, found: _Findings) -> Any:
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


def _unquoted(row: SettingSpec, text: str) -> Any:
    """Read a value without the quotes around it, which docker's env files and lists keep; None if that fails too."""
    if len(text) < len('""') or text[0] != text[-1] or text[0] not in {'"', "'"}:
        return None
    try:
        return row.kind.parse(text[1:-1])
    except ValueError:
        return None


def _completed(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Fill in what depends on other settings or on the user."""
    sign_ins = os.path.expanduser(settings.gateway.auth_path)  # noqa: PTH111 - Path's raises without a home
    folder = _absolute(settings.state_path or sign_ins or default_folder(environ))
    cache_file = _absolute(settings.gateway.cache_file)
    return replace(
        settings,
        state_path=folder,
        gateway=replace(settings.gateway, cache_file=cache_file, auth_path=_absolute(sign_ins) or folder),
        log_level="debug" if settings.debug else settings.log_level,
    )


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""


def _unknown(environ: Mapping[str, str], table: Mapping[str, Any], file: str) -> Iterator[str]:
    """Point out names that mean nothing, with the nearest one that does."""
    names = {row.env for row in SETTINGS} | {f"{row.env}_FILE" for row in SETTINGS if row.secret}
    for name in sorted(environ):
        if name in _UNUSED:
            yield f"{name} has no meaning here and is ignored."
        elif name.startswith(_PREFIX) and name not in names:
            yield f"{name} is unknown and ignored{_nearest(name, names)}"
    keys = {row.key for row in SETTINGS} | {f"{row.key}_file" for row in SETTINGS if row.secret}
    for key in table:
        if key not in keys:
            # The environment's name of a setting is a likely slip.
            hint = _nearest(key.lower().removeprefix("pw_"), keys)
            yield f"{key} in {file} is unknown and ignored{hint}"


def _nearest(name: str, names: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else "."
