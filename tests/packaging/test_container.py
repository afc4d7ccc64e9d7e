"""Image and compose file, checked without a container engine."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from proxy.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def lint(*command):
    done = subprocess.run(
        [TOOLS / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_dockerfile_is_lint_free():
    assert lint("hadolint", "Dockerfile") == ""


def test_the_compose_file_keeps_to_the_specification():
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


@pytest.mark.parametrize("script", [".ci/venv", ".ci/packages", ".ci/run"])
def test_shell_scripts_are_lint_free_and_can_be_run(script):
    lint("shellcheck", script)
    assert (ROOT / script).stat().st_mode & 0o111


def test_the_health_check_needs_no_shell_and_no_curl():
    [check] = re.findall(r"HEALTHCHECK.*?CMD (\[.*?\])", DOCKERFILE, re.DOTALL)

    assert json.loads(check) == ["powerwall-proxy", "health"]


def test_the_image_runs_a_command_that_exists_and_not_as_root():
    last_stage = DOCKERFILE.rpartition("FROM ")[2]

    [command] = re.findall(r"^CMD (\[.*\])$", last_stage, re.MULTILINE)
    [user] = re.findall(r"^USER (.*)$", last_stage, re.MULTILINE)
    assert json.loads(command)[0] in {row.name for row in COMMANDS}
    assert user.split(":")[0].isdigit()
    assert int(user.split(":")[0]) > 0


def test_what_the_image_copies_exists_and_is_let_through():
    """A path missing in .dockerignore would be missing in the image."""
    let_through = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    copied = [
        path
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for path in line.split()
    ]

    assert copied
    for path in copied:
        assert (ROOT / path).exists(), path
        assert path in let_through


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_every_service_is_confined_and_pinned(name):
    """Images of others start as they were made; ours needs no right at all."""
    service = COMPOSE["services"][name]

    assert "no-new-privileges:true" in service["security_opt"]
    assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), "an image without a version"
    if "build" in service:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_every_path_that_is_mounted_exists():
    volumes = set(COMPOSE["volumes"])
    for service in COMPOSE["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in volumes or (ROOT / source).exists(), source


def test_the_health_check_asks_whether_readings_are_fresh():
    """Not only whether the process lives: watchdogs act on this verdict."""
    assert COMPOSE["services"]["pypowerwall"]["healthcheck"]["test"] == ["CMD", "powerwall-proxy", "health"]


def test_the_first_start_needs_no_settings():
    """As shipped, .env starts the simulator and every variable of the compose file has a default."""
    env = (ROOT / ".env").read_text("utf-8")

    settings = COMPOSE["services"]["pypowerwall"]["environment"]
    assert re.search(r"^COMPOSE_PROFILES=demo$", env, re.MULTILINE)
    assert [line for line in env.splitlines() if re.match(r"PW_", line)] == []
    assert all(":-" in text for text in settings.values())
    assert settings["PW_HOST"] == "${PW_HOST:-simulator:8443}"


def test_what_has_a_password_that_everybody_knows_is_only_for_this_machine():
    """Databases without a password, and Grafana until .env names another file for its own."""
    for name in ("grafana", "influxdb", "prometheus"):
        [port] = COMPOSE["services"][name]["ports"]
        assert re.match(r"(\$\{GRAFANA_BIND:-)?127\.0\.0\.1\}?:", port), name
    secret = COMPOSE["secrets"]["grafana-admin"]["file"]
    assert (ROOT / re.fullmatch(r"\$\{GRAFANA_PASSWORD_FILE:-(.*)\}", secret)[1]).exists()


def test_the_simulators_arguments_are_understood():
    [name, *flags] = COMPOSE["services"]["simulator"]["command"]

    done = subprocess.run(
        [sys.executable, "-m", "proxy", name, *flags, "--help"], cwd=ROOT, check=False, capture_output=True
    )
    assert done.returncode == 0
