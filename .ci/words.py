"""Find words in user-visible text that its readers would not use: ``make lint``.

``words.txt`` lists them, with what to write instead. ``CHECKED`` names the files.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORDS = Path(__file__).with_name("words.txt")
# Patterns below the root. To check more of the project, add a pattern.
CHECKED = (
    *("*.md", "docs/*.md", "certs/*.md"),
    *("web/*.html", "web/*.js", "web/*.css", "web/*.json", "web/*.webmanifest"),
    *(
        f"deploy/**/*.{kind}"
        for kind in ("md", "yml", "yaml", "json", "conf", "iql", "env", "toml", "sh", "service")
    ),
    *("deploy/debian/*", "deploy/**/Dockerfile", "deploy/mosquitto/acl", "deploy/grafana/admin-password"),
    *(".env.example", "docker-compose.yml", "Dockerfile", "Makefile"),
    *(".ci/*.py", "bench/**/*.py", "deploy/**/*.py"),
    *("proxy/**/*.py", "tests/**/*.py"),
)

_SPAN = r"`[^`\n]+`"
_CODE = re.compile(rf"^```.*?^```|{_SPAN}", re.MULTILINE | re.DOTALL)
_SCRIPT = re.compile(
    r"""  "(?:\\.|[^"\\\n])*"      # text
        | `(?:\\.|[^`\\])*`      # text with values
        | //[^\n]*               # comment
        | /\*.*?\*/              # comment
    """,
    re.VERBOSE | re.DOTALL,
)


def _blank(found: re.Match[str]) -> str:
    """Replace by nothing, but keep the lines, so that their numbers stay right."""
    return "\n" * found[0].count("\n")


def _prose(text: str) -> str:
    """Leave out code: names of tests and of metrics are not words."""
    return _CODE.sub(_blank, text)


def _texts(script: str) -> str:
    """Leave only strings and comments of JavaScript."""
    kept, end = [], 0
    for found in _SCRIPT.finditer(script):
        kept += ["\n" * script.count("\n", end, found.start()), " ", found[0]]
        end = found.end()
    return "".join(kept)


def _strings(source: str) -> str:
    """Leave only strings and comments of Python, without code in them. Keys of mappings are names."""
    lines = [""] * (source.count("\n") + 2)
    wanted = {tokenize.STRING, tokenize.COMMENT} | {getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    for token, after in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
        if token.type in wanted and after.string != ":":
            for number, line in enumerate(token.string.split("\n"), token.start[0]):
                lines[number - 1] += f" {line}"
    return re.sub(_SPAN, "", "\n".join(lines))


READ: Mapping[str, Callable[[str], str]] = {".md": _prose, ".js": _texts, ".py": _strings}


def banned(listing: str) -> dict[str, str]:
    """Read the list: what to write instead, by form."""
    rows = (line.partition("|") for line in listing.splitlines() if line.strip() and not line.startswith("#"))
    return {form.strip(): instead.strip() for forms, _, instead in rows for form in forms.split(",")}


def findings(text: str, words: Mapping[str, str], suffix: str = "") -> Iterator[tuple[int, str]]:
    """Yield the line and the form of every word of the list in a text of this kind of file."""
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    if not pattern.search(text):  # most have none: they need not be taken apart
        return
    for number, line in enumerate(READ.get(suffix, str)(text).splitlines(), 1):
        for found in pattern.finditer(line):
            yield number, found[0].lower()


def files() -> list[Path]:
    """List the files that are checked."""
    return sorted({page for pattern in CHECKED for page in ROOT.glob(pattern)})


def main() -> int:
    """Print every finding; 1 if there is one."""
    words = banned(WORDS.read_text("utf-8"))
    found = [
        f"{page.relative_to(ROOT)}:{number}: “{form}”: write {words[form]}"
        for page in files()
        for number, form in findings(page.read_text("utf-8"), words, page.suffix)
    ]
    print("\n".join(found) or f"{len(files())} files use plain words.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
