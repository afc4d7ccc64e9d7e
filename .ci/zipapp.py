"""Build ``dist/powerwall-proxy.pyz``: one file that runs with a Python and nothing else. ``make zipapp``."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import zipfile
from pathlib import Path

from payload import MACHINES, PYTHONS, ROOT, Payload, date_of_sources, payload, targets_of

STARTER = ROOT / "deploy" / "zipapp" / "__main__.py"
# The fastest event loop is half of the size; asyncio's own does as well for one house.
LEFT_OUT = ("uvloop-",)
_SHEBANG = b"#!/usr/bin/env python3\n"
_MODE = 0o644


def build(to: Path, inside: Payload) -> None:
    """Write the archive: the starter, the wheels, and which of them belong to which target."""
    wheels = {
        target.name: [*(wheel for wheel in found if not wheel.name.startswith(LEFT_OUT)), inside.own]
        for target, found in inside.wheels.items()
    }
    files = {wheel.name: wheel.read_bytes() for found in wheels.values() for wheel in found}
    table = {name: _entry([wheel.name for wheel in found], files) for name, found in wheels.items()}
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("wb") as file:
        file.write(_SHEBANG)
        with zipfile.ZipFile(file, "a") as archive:
            _add(archive, "__main__.py", STARTER.read_bytes())
            _add(archive, "targets.json", json.dumps(table, indent=1, sort_keys=True).encode())
            for name in sorted(files):
                _add(archive, f"wheels/{name}", files[name])
    to.chmod(0o755)


def _entry(names: list[str], files: dict[str, bytes]) -> dict[str, object]:
    """List the wheels of a target; ``id`` stands for their content."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(files[name]).digest() for name in names))
    return {"id": digest.hexdigest()[:16], "names": names}


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, time.gmtime(date_of_sources())[:6])
    info.external_attr = _MODE << 16
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


def main() -> int:
    """Build it for all targets, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist" / "powerwall-proxy.pyz")
    parser.add_argument("--python", nargs="+", default=PYTHONS, metavar="3.N")
    parser.add_argument("--machine", nargs="+", default=MACHINES)
    args = parser.parse_args()
    with payload(targets_of(args.python, args.machine)) as inside:
        build(args.to, inside)
    print(f"{args.to}: {args.to.stat().st_size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
