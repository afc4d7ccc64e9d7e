"""Print what the integrations that the tests use need to be installed; run by the Python of Home Assistant."""

import json
import sys
from pathlib import Path

from homeassistant import bootstrap, components

USED = {"mqtt", "energy", "config", "api", "onboarding", *bootstrap.DEFAULT_INTEGRATIONS}
FOLDER = Path(components.__path__[0])


def manifests(domains, known):
    for domain in domains - known.keys():
        known[domain] = json.loads((FOLDER / domain / "manifest.json").read_text("utf-8"))
        manifests(set(known[domain].get("dependencies", ())), known)
    return known


if __name__ == "__main__":
    needed = {name for each in manifests(USED, {}).values() for name in each.get("requirements", ())}
    sys.stdout.write("\n".join(sorted(needed)))
