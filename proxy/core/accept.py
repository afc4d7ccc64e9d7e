"""What a client accepts: items with weights, as in Accept and its relatives (RFC 9110 section 12.4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# A client's list is read up to here; Prometheus 3 needs 270 characters.
_LONGEST = 1000
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def parse_accept(field: str) -> Iterator[tuple[str, float, Sequence[str]]]:
    """Yield every item: its name in lower case, its weight from 0 to 1 and its other parameters.

    The weight is 1 where none is said, and 0 where it cannot be read.
    """
    for item in field[:_LONGEST].lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        said = next((parameter for parameter in parameters if parameter.startswith("q=")), "q=1")
        match = _WEIGHT.fullmatch(said)
        others = [parameter for parameter in parameters if not parameter.startswith("q=")]
        yield name, float(match[1]) if match else 0.0, others
