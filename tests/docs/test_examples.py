"""The reference shows answers that the proxy gives."""

import importlib.util
import json
from pathlib import Path

from proxy.server.routes import ROUTES

ROOT = Path(__file__).parents[2]


def _generator():
    spec = importlib.util.spec_from_file_location("examples", ROOT / ".ci" / "examples.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_examples_are_up_to_date():
    """If this fails: make docs."""
    generator = _generator()

    assert generator.written(await generator.examples()) == generator.EXAMPLES.read_text("utf-8")


def test_most_readings_have_an_example():
    """Only what neither simulated house offers has none."""
    examples = json.loads((ROOT / "web" / "examples.json").read_text("utf-8"))
    readings = {route.path for route in ROUTES if not route.endpoint}

    assert set(examples) <= readings
    assert len(examples) > 0.8 * len(readings)
