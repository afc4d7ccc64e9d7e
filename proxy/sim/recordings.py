"""Recorded answers instead of rendered ones, served byte for byte.

A folder holds ``NAME.json`` (the body of ``GET /api/NAME`` with "." for "/"),
``NAME.bin`` (a body that is not JSON) and ``NAME.err`` (status line, headers, empty
line, body). A capture is one JSON file with ``rest`` and ``vitals_protobuf_b64``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.sim.answers import JSON, OCTETS, Answer

VITALS = "/api/devices/vitals"


def load_folder(folder: Path) -> dict[str, Answer]:
    """Read a folder of recordings. Raises OSError or ValueError, naming what is wrong."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder of recordings")
    answers: dict[str, Answer] = {}
    for path in sorted(folder.iterdir()):
        name = "/api/" + path.stem.replace(".", "/")
        if path.suffix == ".json":
            answers[name] = Answer(200, path.read_bytes(), JSON)
        elif path.suffix == ".bin":
            answers[name] = Answer(200, path.read_bytes(), OCTETS)
        elif path.suffix == ".err":
            answers[name] = _with_head(path)
    if not answers:
        raise ValueError(f"{folder} holds no recordings (NAME.json, NAME.err)")
    return answers


def _with_head(path: Path) -> Answer:
    head, _, body = path.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    status_line, *lines = head.decode().splitlines()
    try:
        status = int(status_line.split()[1])
    except (IndexError, ValueError) as exc:
        raise ValueError(f"{path} does not begin with a status line") from exc
    headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    length = headers.get("content-length")
    if length is not None:
        body = body[: int(length)]
    return Answer(status, body, headers.get("content-type", ""))


def load_capture(capture: Mapping[str, Any]) -> dict[str, Answer]:
    """Take the REST answers and the vitals out of a capture."""
    answers = {
        path: Answer(200, body.encode() if isinstance(body, str) else json.dumps(body).encode())
        for path, body in capture["rest"].items()
    }
    vitals = capture.get("vitals_protobuf_b64")
    if vitals is not None:
        answers[VITALS] = Answer(200, base64.b64decode(vitals), OCTETS)
    return answers
