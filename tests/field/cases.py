"""Field cases: the folders, and the gateway that each of them describes."""

from __future__ import annotations

import base64
import copy
import json
from dataclasses import dataclass
from pathlib import Path

from tests.drivers.vitals_wire import encode_vitals
from tests.shared import SHARED

# Parts of a case that lie over its base in ways of their own; any other key replaces what the base has.
LAYERS = {"base", "rest", "vitals", "changes", "settings"}


@dataclass(frozen=True, slots=True)
class Case:
    """One folder: what the gateway is like, how the proxy is set up, what is requested and answered."""

    folder: Path
    driver: str
    environ: dict
    gateway: dict
    settings: dict
    steps: list

    @classmethod
    def read(cls, folder: Path) -> Case:
        case, steps = (json.loads((folder / name).read_text()) for name in ("case.json", "expected.json"))
        gateway = case["gateway"]
        return cls(
            folder, case["driver"], case.get("env", {}), captured(gateway), gateway.get("settings", {}), steps
        )


def folders() -> list[Path]:
    """List the folders that hold a case."""
    return sorted(path.parent for path in (SHARED / "field").glob("*/case.json"))


def captured(gateway: dict) -> dict:
    """Make the capture of a gateway: its base with everything that the case lays over it."""
    capture = json.loads((SHARED / "compat" / f"gateway-{gateway['base']}.json").read_text())
    capture |= {key: value for key, value in gateway.items() if key not in LAYERS}
    capture["rest"] |= gateway.get("rest", {})
    if "vitals" in gateway:
        set_vitals(capture, gateway["vitals"])
    return changed(capture, gateway.get("changes", []))


def set_vitals(capture: dict, devices: dict | None) -> None:
    """Let the devices be these; None: a firmware that has no vitals."""
    encoded = None if devices is None else base64.b64encode(encode_vitals(devices)).decode()
    capture["vitals_protobuf_b64"] = encoded


def changed(capture: dict, changes: list) -> dict:
    """Apply changes one by one to a copy."""
    capture = copy.deepcopy(capture)
    for change in changes:
        *path, last = change["at"]
        place = capture
        for key in path:
            place = place[key]
        if "value" in change:
            place[last] = change["value"]
        else:
            del place[last]
    if capture.get("controller"):
        capture["status"] = {
            key: value for key, value in capture["controller"].items() if key != "components"
        }
    return capture
