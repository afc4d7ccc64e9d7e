"""Whether this process is in a container, whose name and network are not those of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

# Docker and podman put these into their containers. podman and images by convention, ours too, set "container";
# Kubernetes names its API. A container that is a machine of its own (LXC, systemd-nspawn) has none of them.
_FILES: Final = (".dockerenv", "run/.containerenv")
_VARIABLES: Final = ("container", "KUBERNETES_SERVICE_HOST")
_ROOT: Final = Path("/")


def is_in_container(environ: Mapping[str, str], root: Path = _ROOT) -> bool:
    """Say whether the variables or files of a container are there."""
    return any(environ.get(name) for name in _VARIABLES) or any((root / file).exists() for file in _FILES)
