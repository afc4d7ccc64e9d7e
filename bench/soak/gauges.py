"""What the process holds: memory, open files, tasks, the log, the state folder."""

from __future__ import annotations

import asyncio
import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Gauges:
    """One look; sizes in MB, of the log since it began."""

    memory_mb: float
    files: int
    tasks: int
    log_mb: float
    state_mb: float

    @classmethod
    def taken(cls, state: Path, log: Path) -> Self:
        """Look now. The memory is that of the gateway and the clients, too."""
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
        return cls(
            memory_mb=round(resident / 1e6, 1),
            files=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - no file of a folder
            tasks=len(asyncio.all_tasks()),
            log_mb=round(log.stat().st_size / 1e6, 3),
            state_mb=round(sum(file.stat().st_size for file in state.rglob("*") if file.is_file()) / 1e6, 3),
        )
