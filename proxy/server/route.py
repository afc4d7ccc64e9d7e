"""What a row of ROUTES says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from proxy.core.model import JSON, Source
from proxy.views.options import Options

View = Callable[[Mapping[Source, Any], Options], Any]

READ = ("GET", "HEAD")


class Style(Enum):
    """How a document is written as JSON."""

    LINE = "one line"
    PRETTY = "indented by four, keys sorted"
    COMPACT = "one line without blanks"


class Legacy(Enum):
    """What the pypowerwall proxy answers (with 200) when it knows nothing."""

    NULL = b"null"
    VIEW = b""  # the route's own rendering of nothing
    EMPTY_OBJECT = b"{}"
    ZEROS = b"0.00,0.00,0.00,0.00,0.00\n"
    ZEROS_V2 = b"0.00,0.00,0.00,0.00,0.00,0,0\n"
    ZEROS_JSON = (
        b'{"grid": 0, "home": 0, "solar": 0, "battery": 0, "soe": 0, "grid_status": 0, "reserve": 0, '
        b'"time_remaining_hours": 0, "full_pack_energy": 0, "energy_remaining": 0, "strings": {}}'
    )
    ZERO_POWERS = b'{"site": 0.0, "solar": 0.0, "battery": 0.0, "load": 0.0}'
    SOLAR_ONLY = b'{"version": "SolarOnly", "vint": 0}'


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One row; a row equals itself only, so that looking it up costs one address.

    A data route renders its sources through ``view``; without a view it gives the gateway's own
    bytes of its one source. ``sources`` are needed; ``offered`` are needed if the gateway offers
    them at all (404 is no error then, anything else is); ``optional`` ones may be missing for any
    reason, which the view distinguishes: one that is offered and not known is None. ``instead``
    pairs an offered or optional source with the one that is fetched where the
    gateway does not offer it.

    Any other route names the ``endpoint`` that answers it. ``query`` are the
    parameters that mean something; all others are ignored.
    """

    path: str
    summary: str
    group: str
    sources: tuple[Source, ...] = ()
    offered: tuple[Source, ...] = ()
    optional: tuple[Source, ...] = ()
    instead: tuple[tuple[Source, Source], ...] = ()
    view: View | None = None
    media_type: str = JSON
    style: Style = Style.LINE
    legacy: Legacy = Legacy.NULL
    endpoint: str = ""
    methods: tuple[str, ...] = READ
    query: tuple[str, ...] = ()
    public: bool = True  # readable by web pages of any origin
    options: bool = True  # OPTIONS lists the methods
    process: bool = False  # about the whole proxy: it has no prefix of a gateway
    total: bool = False  # a site, the total of several gateways, has it, too
    local: bool = False  # answered only under names that are known to be this machine's

    def for_gateway(self, id_: str) -> str:
        """Return the path of this row for a gateway: ``{id}`` in it is its id."""
        return self.path.replace("{id}", id_)
