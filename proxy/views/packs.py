"""Battery packs and their numbers: PW1 is the same pack today, tomorrow and in every route.

A pack is named ``partNumber--serialNumber``, as in its block of ``/api/system_status``. Its
devices in the vitals carry serial numbers of their own; what leads from them to the pack is
the DIN of their parent, the TETHC (Powerwall 2 and +), or their own DIN (Powerwall 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.core.sources import SYSTEM_STATUS, VITALS
from proxy.views.json_access import Documents, section, sections, text

# The devices of a pack: controller, inverter, cells. The controllers come first, because
# the others name them as parents.
_CONTROLLER: Final = "TETHC"
_KINDS: Final = (_CONTROLLER, "TEPINV", "TEPOD")

Signals = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack: its number, its block, and by type the name and signals of its devices."""

    number: int
    block: Signals
    devices: Mapping[str, tuple[str, Signals]] = field(default_factory=dict)

    def name(self, kind: str) -> str | None:
        """Return the DIN of this pack's device of a type, None if there is none."""
        return self.devices[kind][0] if kind in self.devices else None

    def signals(self, kind: str) -> Signals:
        """Return the signals of this pack's device of a type, nothing if there is none."""
        return self.devices[kind][1] if kind in self.devices else {}

    @property
    def energy_remaining(self) -> Any:
        """What the cells report of the energy in the pack, or else its block."""
        return self._cells_or_block("POD_nom_energy_remaining", "nominal_energy_remaining")

    @property
    def energy_capacity(self) -> Any:
        """What the cells report of the energy of the full pack, or else its block."""
        return self._cells_or_block("POD_nom_full_pack_energy", "nominal_full_pack_energy")

    def _cells_or_block(self, signal: str, key: str) -> Any:
        reported = self.signals("TEPOD").get(signal)
        return self.block.get(key) if reported is None else reported


def order_packs(known: tuple[str, ...], documents: Documents) -> tuple[str, ...]:
    """Return the names of all packs ever seen, PW1 first.

    ``known`` keeps its order and its members, so that a pack that is away for an answer (or a
    night) gets its number back; new packs follow in the order of the blocks, and those that only
    the vitals know after them. While the gateway starts there are no new ones.
    """
    if _is_starting(documents):
        return known
    blocks = _blocks(documents)
    return tuple(dict.fromkeys((*known, *blocks, *_homes(known, blocks, documents).values())))


def packs(known: tuple[str, ...], documents: Documents) -> list[Pack]:
    """Return the packs of these documents by number; ``known`` as for ``order_packs``."""
    blocks = _blocks(documents)
    vitals = section(documents.get(VITALS))
    devices: dict[str, dict[str, tuple[str, Signals]]] = {}
    for din, name in _homes(known, blocks, documents).items():
        devices.setdefault(name, {})[_kind(din)] = (din, section(vitals[din]))
    return [
        Pack(number, blocks.get(name, {}), devices.get(name, {}))
        for number, name in enumerate(order_packs(known, documents), start=1)
        if name in blocks or name in devices
    ]


def units_like(names: Iterable[str], known: tuple[str, ...]) -> list[str]:
    """Return the packs seen so far that are units as these are: of the same part, whatever its revision.

    A unit that says nothing at the moment is among them, an expansion pack is not. None where
    these are no packs: inverters of a Powerwall+ have names of their own.
    """
    parts = {_part(name) for name in names if name in known}
    return [name for name in known if _part(name) in parts]


def _part(name: str) -> str:
    return name.partition("-")[0]


def _blocks(documents: Documents) -> dict[str, Signals]:
    """Return the blocks that say which pack they are of, by its name."""
    blocks: dict[str, Signals] = {}
    for block in sections(section(documents.get(SYSTEM_STATUS)).get("battery_blocks")):
        part, serial = text(block.get("PackagePartNumber")), text(block.get("PackageSerialNumber"))
        if serial:
            blocks[_unused(f"{part or ''}--{serial}", blocks)] = block
    return blocks


def _is_starting(documents: Documents) -> bool:
    """Say whether the list of packs is incomplete: some block has no serial number yet."""
    blocks = sections(section(documents.get(SYSTEM_STATUS)).get("battery_blocks"))
    return not all(text(block.get("PackageSerialNumber")) for block in blocks)


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    """Distinguish packs that carry the same name (published recordings mask serial numbers)."""
    copy, candidate = 1, name
    while candidate in taken:
        copy += 1
        candidate = f"{name}#{copy}"
    return candidate


def _homes(known: Iterable[str], blocks: Mapping[str, Signals], documents: Documents) -> dict[str, str]:
    """Say for the DIN of every device of a pack to which pack it belongs."""
    vitals = section(documents.get(VITALS))
    homes: dict[str, str] = {}
    for kind in _KINDS:
        dins = [din for din in vitals if _kind(din) == kind]
        names = {*known, *blocks, *homes.values()}
        if kind == _CONTROLLER:
            names |= {_bare(din) for din in dins if _bare(din).partition("--")[2]}
        taken: set[str] = set()
        strangers = []
        for din in sorted(dins, key=lambda din: _bare(din) not in names):
            name = _bare(din) if _bare(din) in names else _parent_pack(section(vitals[din]), homes)
            if name is None or name in taken:
                strangers.append(din)
            else:
                homes[din] = name
                taken.add(name)
        # Nothing leads from a stranger to a pack, so it takes the first that lacks such a device.
        # A controller names its pack itself: where that works for one, it does for all.
        lacking = [name for name in dict.fromkeys((*blocks, *homes.values())) if name not in taken]
        free = [] if kind == _CONTROLLER and taken else lacking
        homes |= zip(strangers, (*free, *map(_bare, strangers[len(free) :])), strict=False)
    return homes


def _parent_pack(signals: Signals, homes: Mapping[str, str]) -> str | None:
    parent = text(signals.get("componentParentDin"))
    if parent is None or _kind(parent) != _CONTROLLER:
        return None
    return homes.get(parent, _bare(parent))


def _kind(din: str) -> str:
    return din.partition("--")[0]


def _bare(din: str) -> str:
    return din.partition("--")[2]
