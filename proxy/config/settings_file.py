"""Write the settings file: keep what is in it, its owner and its rights."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from proxy.files import read_text, write_private


def is_unset(file: Path) -> bool:
    """Say whether nothing is set there: no file, or only comments. Raises OSError."""
    try:
        return not tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return False


def merged(file: Path, values: Mapping[str, str]) -> str:
    """Return the file's text with these values in place of those that it had. Raises OSError, ValueError.

    Comments stay. The result is read again: a form of TOML that a line cannot replace is an error, not a broken file.
    """
    before = _text(file)
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()]
    names = "|".join(map(re.escape, values))
    rest = re.sub(rf"^[ \t]*(?:{names})[ \t]*=.*\n?", "", before, flags=re.MULTILINE)
    text = "".join(lines) + ("\n" + rest.lstrip("\n") if rest.strip() else "")
    if tomllib.loads(text) != {**tomllib.loads(before), **values}:
        raise ValueError("a value in it goes over several lines; edit it by hand")
    return text


def write_settings(file: Path, text: str) -> None:
    """Replace the file at once: open to its owner alone, or to those to whom it was open. Raises OSError."""
    kept = file.stat() if file.exists() else None
    write_private(file, text.encode())
    if kept:
        os.chown(file, kept.st_uid, kept.st_gid)
        file.chmod(kept.st_mode & 0o7777)


def _text(file: Path) -> str:
    return read_text(file) if file.exists() else ""
