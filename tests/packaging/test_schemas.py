"""Files that others read keep to the schemas of their readers.

The library that checks them builds its grammars for seconds when it is imported: here alone, and not while tests are
collected, which every process of a test run does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from proxy import __version__

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        (("--builtin-schema", "vendor.compose-spec"), "docker-compose.yml"),
        (("--builtin-schema", "vendor.github-workflows"), ".github/workflows/release.yml"),
        (
            ("--schemafile", str(ROOT / "tests/packaging/addon.schema.json")),
            "deploy/homeassistant/powerwall-proxy/config.yaml",
        ),
    ],
    ids=["compose file", "workflow of the forge", "add-on of Home Assistant"],
)
def test_a_file_keeps_to_the_schema_of_its_reader(schema, file):
    from check_jsonschema import main

    done = CliRunner().invoke(main, [*schema, str(ROOT / file)])

    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", ["single", "replicas"])
def test_every_object_for_kubernetes_keeps_to_its_schema(name):
    import kubernetes_validate

    for each in yaml.safe_load_all((ROOT / f"deploy/kubernetes/{name}.yaml").read_text("utf-8")):
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def test_the_bill_of_materials_is_valid_cyclonedx_1_6(release):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = (release / f"powerwall-proxy-{__version__}.cdx.json").read_text("utf-8")

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
