"""The example for Kubernetes, checked without a cluster."""

from __future__ import annotations

from pathlib import Path

import kubernetes_validate
import yaml

from proxy import __version__
from proxy.config.settings import SETTINGS

ROOT = Path(__file__).parents[2]
EXAMPLE = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/replicas.yaml").read_text("utf-8")))


def test_every_object_keeps_to_its_schema():
    for each in EXAMPLE:
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)

    assert [each["kind"] for each in EXAMPLE] == ["Deployment", "Service", "PodDisruptionBudget"]


def test_two_replicas_of_this_version_get_settings_that_exist_and_are_probed_for_readiness():
    spec = EXAMPLE[0]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    known = {row.env for row in SETTINGS} | {f"{row.env}_FILE" for row in SETTINGS if row.secret}

    assert spec["replicas"] == 2
    assert container["image"] == f"powerwall-proxy:{__version__}"
    assert {each["name"] for each in container["env"]} <= known
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
