"""Build ``dist/powerwall-proxy_VERSION_ARCH.deb``: ``make deb``.

The package brings its own modules for every Python that Debian may have, so that it keeps working when Debian is
upgraded. Those that are the same for all are there once.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from payload import MACHINES, PYTHONS, ROOT, Payload, Target, date_of_sources, payload, targets_of

from proxy import __version__

FILES = ROOT / "deploy" / "debian"
# By uname -m, as Debian calls it.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Where each file goes, and its rights.
PLACES: tuple[tuple[Path, str, int], ...] = (
    (FILES / "powerwall-proxy", "opt/powerwall-proxy/bin/powerwall-proxy", 0o755),
    (FILES / "powerwall-proxy.service", "usr/lib/systemd/system/powerwall-proxy.service", 0o644),
    (FILES / "powerwall-proxy.toml", "usr/share/powerwall-proxy/powerwall-proxy.toml", 0o644),
    (FILES / "copyright", "usr/share/doc/powerwall-proxy/copyright", 0o644),
    (FILES / "postinst", "DEBIAN/postinst", 0o755),
    (FILES / "prerm", "DEBIAN/prerm", 0o755),
    (FILES / "postrm", "DEBIAN/postrm", 0o755),
)
_CONTROL = """\
Package: powerwall-proxy
Version: {version}
Architecture: {architecture}
Maintainer: The authors of Powerwall Proxy <powerwall-proxy@users.noreply.github.com>
Installed-Size: {size}
Depends: python3 (>= 3.{first}), python3 (<< 3.{after}~), libc6 (>= 2.28), adduser, init-system-helpers, systemd
Section: net
Priority: optional
Description: caching proxy for the Tesla energy gateway (Powerwall)
 Many programs in the home share one careful connection to the gateway. It
 serves readings, a page with the power flow, metrics for Prometheus, and
 what the pypowerwall proxy serves.
"""


def build(folder: Path, machine: str, inside: Payload) -> Path:
    """Write the package for one of the machines into a folder; return its path."""
    wheels = {target: found for target, found in inside.wheels.items() if target.machine == machine}
    minors = sorted(int(target.python.partition(".")[2]) for target in wheels)
    with TemporaryDirectory() as place:
        tree = Path(place, "tree")
        _unpack_modules(tree / "opt" / "powerwall-proxy" / "lib", wheels, inside.own)
        for source, to, mode in PLACES:
            (tree / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, tree / to)
            (tree / to).chmod(mode)
        changes = (ROOT / "CHANGELOG.md").read_bytes()
        (tree / "usr/share/doc/powerwall-proxy/changelog.gz").write_bytes(gzip.compress(changes, mtime=0))
        (tree / "usr/bin").mkdir()
        (tree / "usr/bin/powerwall-proxy").symlink_to("/opt/powerwall-proxy/bin/powerwall-proxy")
        control = _CONTROL.format(
            version=re.sub(r"(?<=\d)\.?(?=[a-z])", "~", __version__),  # 1.1.0rc1 comes before 1.1.0
            architecture=ARCHITECTURES[machine],
            size=sum(file.stat().st_size for file in tree.rglob("*") if file.is_file()) // 1024,
            first=minors[0],
            after=minors[-1] + 1,
        )
        (tree / "DEBIAN" / "control").write_text(control, "utf-8")
        for path in tree.rglob("*"):
            if path.is_dir():
                path.chmod(0o755)
        return _pack(tree, folder)


def _unpack_modules(lib: Path, wheels: Mapping[Target, list[Path]], mine: Path) -> None:
    """Unpack what is compiled for one Python into a folder of its own, all else into one for all."""
    common: dict[str, Path] = {}
    for target, found in wheels.items():
        for wheel in found:
            name, *_, abi, _ = wheel.name.split("-")
            if abi == target.abi:
                _unpack(wheel, lib / abi)
            elif common.setdefault(name, wheel).name != wheel.name:
                raise SystemExit(f"{wheel.name} and {common[name].name} cannot stand in one folder")
    for wheel in (*common.values(), mine):
        _unpack(wheel, lib / "common")


def _unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


def _pack(tree: Path, folder: Path) -> Path:
    """Make the package; every file in it is root's and has the date of the sources."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zzstd", "-z9", "--build", str(tree), str(folder)],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(date_of_sources())},
        check=True,
        capture_output=True,
        text=True,
    )
    [made] = re.findall(r"in '(.*\.deb)'", done.stdout)
    return Path(made)


def main() -> int:
    """Build it for the machines that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument("--python", nargs="+", default=PYTHONS, metavar="3.N")
    parser.add_argument("--machine", nargs="+", choices=MACHINES, default=MACHINES)
    args = parser.parse_args()
    with payload(targets_of(args.python, args.machine)) as inside:
        for machine in args.machine:
            print(build(args.to, machine, inside))
    return 0


if __name__ == "__main__":
    sys.exit(main())
