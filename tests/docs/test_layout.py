"""How the program is laid out, as docs/development.md says; imports have contracts in pyproject.toml."""

from tests.docs.conftest import ROOT


def test_no_module_of_the_program_has_more_than_300_lines():
    """What is longer is about more than one thing."""
    lengths = {path: path.read_text("utf-8").count("\n") for path in (ROOT / "proxy").rglob("*.py")}

    assert {path: length for path, length in lengths.items() if length > 300} == {}
