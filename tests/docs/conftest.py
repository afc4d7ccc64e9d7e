"""The programs that write the documentation."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def generator(name):
    """Import one of them."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
