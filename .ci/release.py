"""Build everything that a release consists of, with checksums and a bill of materials: ``make release``.

The same commit and lock give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
import zipapp
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import deb
import sbom
from payload import MACHINES, PYTHONS, ROOT, date_of_sources, own, payload, targets_of

from proxy import __version__

SUMS = "SHA256SUMS"
_EX_USAGE = 64


def problems(changelog: str, tag: str | None) -> Iterator[str]:
    """Say what forbids a release: a tag of another version, or changes that are not written down."""
    if tag is not None and tag != f"v{__version__}":
        yield f"the tag is {tag}, but proxy/__init__.py says {__version__}"
    heading = rf"^## {re.escape(__version__)} - \d{{4}}-\d\d-\d\d$\n(.*?)(?=^## |\Z)"
    entry = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if not entry:
        yield f'CHANGELOG.md has no heading "## {__version__} - YEAR-MONTH-DAY"'
    elif not entry[1].strip():
        yield f"CHANGELOG.md says nothing under {__version__}"


def build(to: Path, pythons: list[str], machines: list[str]) -> None:
    """Write wheel, sdist, packages, the single file, the bill and the checksums into an empty folder."""
    with payload(targets_of(pythons, machines)) as inside, TemporaryDirectory() as place:
        for file in (inside.own, own(Path(place), "sdist")):
            shutil.copyfile(file, to / file.name)
        for machine in machines:
            deb.build(to, machine, inside)
        zipapp.build(to / "powerwall-proxy.pyz", inside)
        bill = sbom.bill(inside, date_of_sources())
        (to / f"powerwall-proxy-{__version__}.cdx.json").write_text(bill, "utf-8")
    files = sorted(file for file in to.iterdir() if file.name != SUMS)
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (to / SUMS).write_text("".join(lines), "utf-8")


def main() -> int:
    """Check, then build; --check does no more than that, --trial builds whatever the changelog says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument("--python", nargs="+", default=PYTHONS, metavar="3.N")
    parser.add_argument("--machine", nargs="+", choices=MACHINES, default=MACHINES)
    parser.add_argument("--tag", help="the tag that is released")
    parser.add_argument("--changelog", type=Path, default=ROOT / "CHANGELOG.md")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--trial", action="store_true")
    args = parser.parse_args()
    found = [] if args.trial else [*problems(args.changelog.read_text("utf-8"), args.tag)]
    for problem in found:
        print(f"release: {problem}.", file=sys.stderr)
    if found or args.check:
        return _EX_USAGE if found else 0
    shutil.rmtree(args.to, ignore_errors=True)
    args.to.mkdir(parents=True)
    build(args.to, args.python, args.machine)
    print((args.to / SUMS).read_text("utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
