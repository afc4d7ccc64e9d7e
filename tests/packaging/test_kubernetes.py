"""The examples for Kubernetes, checked without a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from proxy import __version__
from proxy.config.settings import SETTINGS

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "single": ["Deployment", "PersistentVolumeClaim", "Service"],
    "replicas": ["Deployment", "Service", "PodDisruptionBudget"],
}


def objects(name):
    return list(yaml.safe_load_all((ROOT / f"deploy/kubernetes/{name}.yaml").read_text("utf-8")))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_whole(name):
    assert [each["kind"] for each in objects(name)] == EXAMPLES[name]


@pytest.mark.parametrize(("name", "replicas"), [("single", 1), ("replicas", 2)])
def test_replicas_of_this_version_get_settings_that_exist_and_are_probed_for_readiness(name, replicas):
    spec = objects(name)[0]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    known = {row.env for row in SETTINGS} | {f"{row.env}_FILE" for row in SETTINGS if row.secret}

    assert spec["replicas"] == replicas
    assert container["image"] == f"powerwall-proxy:{__version__}"
    assert {each["name"] for each in container["env"]} <= known
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"


def test_a_single_proxy_ends_before_the_next_one_starts_and_keeps_its_state():
    """Two would have two sessions with the gateway."""
    deployment, claim, _ = objects("single")
    volumes = {each["name"]: each for each in deployment["spec"]["template"]["spec"]["volumes"]}

    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
