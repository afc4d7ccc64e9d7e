"""What hangs on the simulated gateway: sizes and serial numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxy.sim.dispatch import Battery
from proxy.sim.personas import Persona

UNIT_WH = 14000.0
UNIT_NOMINAL_KWH = 13.5
CHARGE_W = 5000.0
DISCHARGE_W = 5000.0
PW3_DISCHARGE_W = 11500.0
STRING_LETTERS = "ABCDEF"
SINGLE, SPLIT, THREE = 1, 2, 3  # phases: 230 V, 2 x 120 V, 3 x 230 V


@dataclass(frozen=True, slots=True)
class Device:
    """One part with its serial number, and the serial of the module inside."""

    part: str
    serial: str
    module_part: str = ""
    module_serial: str = ""

    @property
    def din(self) -> str:
        """Part and serial number in the form that names a device."""
        return f"{self.part}--{self.serial}"


@dataclass(frozen=True, slots=True)
class Hardware:
    """Everything installed, in the order in which the gateway lists it."""

    gateway: Device
    packs: tuple[Device, ...]
    expansions: tuple[Device, ...]
    inverters: tuple[Device, ...]
    strings: str  # letters per inverter
    sync: Device
    neurio: str | None
    phases: int  # SINGLE, SPLIT or THREE
    backup_switch: bool  # TEMSA instead of the synchroniser
    remote_meter: str | None
    is_powerwall3: bool

    @property
    def meter_serial(self) -> str:
        """Serial of the built-in meters X and Y."""
        return self.sync.serial

    @property
    def leg_volts(self) -> tuple[float, ...]:
        """Volts of each of the three legs."""
        return {SINGLE: (230.0, 0.0, 0.0), SPLIT: (121.0, 121.0, 0.0), THREE: (230.0, 230.0, 230.0)}[
            self.phases
        ]

    @property
    def volts(self) -> float:
        """Volts that an appliance across the house sees."""
        return 242.0 if self.phases == SPLIT else 230.0

    @property
    def nominal_hz(self) -> float:
        """Frequency of the grid."""
        return 60.0 if self.phases == SPLIT else 50.0

    def battery(self) -> Battery:
        """Make the battery of these units, half full; expansions add energy, not power."""
        units, extra = len(self.packs), len(self.expansions)
        full = UNIT_WH * (units + extra)
        discharge = PW3_DISCHARGE_W if self.is_powerwall3 else DISCHARGE_W
        return Battery(full, full / 2, CHARGE_W * units, discharge * units)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large an installation is; None takes what the persona has."""

    packs: int | None = None
    inverters: int | None = None
    strings: int | None = None
    expansions: int | None = None
    followers: int | None = None
    phases: int = SPLIT
    neurio: bool = False
    remote_meter: bool = False
    backup_switch: bool = False

    def of(self, persona: Persona) -> Sizes:
        """Fill in the persona's numbers."""

        def own(size: int | None, default: int) -> int:
            return default if size is None else size

        return replace(
            self,
            packs=own(self.packs, persona.packs),
            inverters=own(self.inverters, persona.inverters),
            strings=own(self.strings, persona.strings),
            expansions=own(self.expansions, persona.expansions),
            followers=own(self.followers, persona.followers),
        )


def install(persona: Persona, sizes: Sizes, seed: int) -> Hardware:
    """Put an installation together; the seed makes its serial numbers differ from others'."""
    sizes = sizes.of(persona)
    gateway = Device(persona.part_number, f"TG121{seed:05d}0001")
    if persona.is_powerwall3:
        units = [gateway] + [
            Device("1707000-11-J", f"TG121{seed:05d}{n:04d}") for n in range(2, 2 + (sizes.followers or 0))
        ]
        packs = tuple(units)
        inverters = packs
    else:
        packs = tuple(
            Device("3012170-05-B", f"TG121{seed:05d}{n:04d}", "1081100-10-U", f"T21D{seed:04d}{n:04d}")
            for n in range(101, 101 + (sizes.packs or 0))
        )
        inverters = tuple(
            Device("1538100-00-F", f"CN321{seed:05d}{n:04d}")
            for n in range(201, 201 + (sizes.inverters or 0))
        )
    return Hardware(
        gateway=gateway,
        packs=packs,
        expansions=tuple(
            Device("1807000-10-B", f"TG125{seed:05d}{n:04d}")
            for n in range(301, 301 + (sizes.expansions or 0))
        ),
        inverters=inverters,
        strings=STRING_LETTERS[: sizes.strings],
        sync=Device("1624171-00-E" if sizes.backup_switch else "1493315-01-F", f"JBL21{seed:05d}0005"),
        neurio=f"VAH{seed:05d}0006" if sizes.neurio else None,
        phases=sizes.phases,
        backup_switch=sizes.backup_switch or persona.is_powerwall3,
        remote_meter=f"TRM{seed:05d}0007" if sizes.remote_meter else None,
        is_powerwall3=persona.is_powerwall3,
    )


def shares(total: float, parts: int) -> list[float]:
    """Split whole units so that the parts add up to the total exactly; the first ones get more."""
    if not parts:
        return []
    if total != int(total):
        head = [round(total / parts, 1)] * (parts - 1)
        return [*head, total - sum(head)]
    whole, rest = divmod(int(total), parts)
    return [whole + (1 if n < rest else 0) for n in range(parts)]
