"""web/flows.js and proxy/views/flows.py are one algorithm."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from proxy.views.flows import Readings, flows

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCRIPT = Path(__file__).parents[2] / "web" / "flows.js"
EDGES = ("s2h", "s2b", "s2g", "g2h", "g2b", "b2h", "b2g", "n2h", "n2b", "h2e")


def site(random: Random) -> dict:
    """Readings of a site: mostly balanced, sometimes not, sometimes with one missing."""
    power = lambda: random.choice([0, 0, random.uniform(-60, 60), random.uniform(-12_000, 12_000)])
    readings = {"solar": power(), "site": power(), "battery": power(), "load": power(), "generator": 0.0}
    if random.random() < 0.3:
        readings["generator"] = random.uniform(-100, 8000)
    if random.random() < 0.7:
        readings["load"] = sum(readings[name] for name in ("solar", "site", "battery", "generator"))
    for name in random.sample(["solar", "site", "battery", "load"], random.choice([0, 0, 0, 1, 2])):
        readings[name] = None
    readings["ev"] = [power() for _ in range(random.choice([0, 0, 1, 3]))]
    return readings | {"islanded": random.random() < 0.2}


async def test_page_and_metrics_compute_the_same_flows(watch):
    """Ten thousand sites give the same edges, to a millionth of a watt, in the browser and in Python."""
    random = Random(5)
    sites = [site(random) for _ in range(10_000)]
    page = await (await watch.context()).new_page()

    in_browser = await page.evaluate(
        """async ([script, sites]) => {
          const { flows } = await import(`data:text/javascript,${encodeURIComponent(script)}`);
          const each = (site) => flows({...site, grid: site.islanded ? "outage" : "up"});
          return JSON.stringify(JSON.parse(sites).map(each));
        }""",
        [SCRIPT.read_text(), json.dumps(sites)],
    )

    for one, theirs in zip(sites, json.loads(in_browser), strict=True):
        ours = flows(Readings(**one))
        assert (ours is None) == (theirs is None), one
        if ours is None:
            continue
        assert all(
            math.isclose(getattr(ours, name), theirs["edges"][name], abs_tol=1e-6) for name in EDGES
        ), one
        assert math.isclose(ours.home, theirs["home"], abs_tol=1e-6)
        assert math.isclose(ours.unserved, theirs["unserved"], abs_tol=1e-6)
        assert math.isclose(ours.unbalanced, theirs["in"] - theirs["out"], abs_tol=1e-6)
        assert asdict(ours)["derived"] == theirs["derived"]
