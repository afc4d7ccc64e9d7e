"""Scripts and styles as they are sent: without what is there for the readers of the files alone.

Names stay as they are: what a browser shows of an error can be found in the file.
"""

from __future__ import annotations

import re

# What is in quotes stays as it is; templates may hold templates, one level deep. Comments go.
_TOKEN = re.compile(
    r"""  "(?:\\.|[^"\\\n])*"
        | '(?:\\.|[^'\\\n])*'
        | `(?:\\.|\$\{(?:[^{}`]|`[^`]*`)*\}|[^`\\])*`
        | (?P<comment>//[^\n]*|/\*.*?\*/)
    """,
    re.VERBOSE | re.DOTALL,
)
# Every statement of the scripts ends with a semicolon or a brace, so that no end of a line ends one.
_SIGNS = r"[{}()\[\];,:?=<>&|*]"
_AROUND = re.compile(rf" (?:(?={_SIGNS})|(?<={_SIGNS} ))")
# A sign after an operator keeps its distance: "- -a" is not "--a".
_OPERATOR = re.compile(r" ([-+/%]) (?![-+])| (?=!=)")
_BLANKS = re.compile(r"\s+")
_LAST = re.compile(r"[;,]+(?=\})|,(?=[\])])")

_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_AROUND = re.compile(r"\s*([{};,]|(?<=[\w-]):(?=\s))\s*")


def script(source: str) -> str:
    """Return a script without comments, blanks and ends of lines that it can do without."""
    code = _TOKEN.sub(lambda token: "" if token["comment"] else token[0], source)
    parts, at = [], 0
    for text in _TOKEN.finditer(code):
        parts += [_dense(code[at : text.start()]), text[0]]
        at = text.end()
    return "".join((*parts, _dense(code[at:]))).strip()


def style(source: str) -> str:
    """Return a style sheet without the same."""
    return _LAST.sub("", _CSS_AROUND.sub(r"\1", _CSS_COMMENT.sub("", source))).strip()


def _dense(code: str) -> str:
    close = _OPERATOR.sub(r"\1", _AROUND.sub("", _BLANKS.sub(" ", code)))
    return _LAST.sub("", close)
