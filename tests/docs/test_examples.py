"""The reference shows answers that the proxy gives."""

import json

from proxy.server.routes import ROUTES
from tests.docs.conftest import ROOT, generator


async def test_the_examples_are_up_to_date():
    """If this fails: make docs."""
    maker = generator("examples")

    assert maker.written(await maker.examples()) == maker.EXAMPLES.read_text("utf-8")


def test_most_readings_have_an_example():
    """Only what neither simulated house offers has none."""
    examples = json.loads((ROOT / "web" / "examples.json").read_text("utf-8"))
    readings = {route.path for route in ROUTES if not route.endpoint}

    assert set(examples) <= readings
    assert len(examples) > 0.8 * len(readings)
