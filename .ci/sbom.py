"""The bill of materials of a release (CycloneDX 1.6): every wheel that a package brings, with its hash and licence."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from payload import Payload


def bill(inside: Payload, date: int) -> str:
    """Describe the program and what it brings along, as JSON; the same wheels and date give the same text."""
    root, needs = _component([inside.own], ComponentType.APPLICATION)
    parts = {root.name: (root, needs)}
    for files in _by_project(wheel for found in inside.wheels.values() for wheel in found):
        part, needs = _component(files, ComponentType.LIBRARY)
        parts[part.name] = part, needs
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, _digest(inside.own)))
    bom.metadata.timestamp = datetime.fromtimestamp(date, UTC)
    bom.metadata.component = root
    for name, (part, needed) in parts.items():
        if name != root.name:
            bom.components.add(part)
        bom.register_dependency(part, [parts[other][0] for other in sorted(needed) if other in parts])
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _by_project(wheels: Iterable[Path]) -> list[list[Path]]:
    """Group the wheels of one project: they differ by Python and machine."""
    found: dict[str, dict[str, Path]] = {}
    for wheel in wheels:
        found.setdefault(wheel.name.partition("-")[0], {})[wheel.name] = wheel
    return [[files[name] for name in sorted(files)] for _, files in sorted(found.items())]


def _component(files: list[Path], kind: ComponentType) -> tuple[Component, set[str]]:
    """Describe a project, and name what it needs."""
    about = _metadata(files[0])
    name = canonicalize_name(about["Name"])
    text = about.get("License-Expression") or about.get("License")
    part = Component(
        type=kind,
        name=name,
        version=about["Version"],
        description=about.get("Summary"),
        purl=PackageURL("pypi", None, name, about["Version"]),
        bom_ref=f"{name}@{about['Version']}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=_digest(file)) for file in files],
        licenses=[LicenseFactory().make_from_string(text.splitlines()[0])] if text else [],
    )
    return part, {canonicalize_name(Requirement(line).name) for line in about.get_all("Requires-Dist", [])}


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return HeaderParser().parsestr(archive.read(name).decode())


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
