"""Image and compose file, checked without a container engine."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from proxy import __version__
from proxy.__main__ import COMMANDS
from proxy.config.settings import SETTINGS

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


@pytest.fixture
def compose(tmp_path):
    """What docker-compose makes of our file, by service; ``env`` are the lines of .env, which need not be there."""
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")

    def resolve(*profiles, env=None):
        if env is not None:
            (tmp_path / ".env").write_text(env)
        flags = [word for profile in profiles for word in ("--profile", profile)]
        command = [TOOLS / "docker-compose", *flags, "config", "--format", "json"]
        done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout.replace("$$", "$"))["services"]

    return resolve


def test_the_dockerfile_is_lint_free():
    assert lint("hadolint", "Dockerfile") == ""


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


def test_our_image_has_the_version_of_the_program():
    ours = {service["image"] for service in COMPOSE["services"].values() if "build" in service}

    assert ours == {f"powerwall-proxy:{__version__}"}


SIMULATED = {"pypowerwall", "simulator"}


@pytest.mark.parametrize(
    ("profiles", "services"),
    [
        ([], SIMULATED),
        (["metrics"], SIMULATED | {"prometheus", "grafana"}),
        (["influx"], SIMULATED | {"influxdb", "telegraf", "grafana-influxdb"}),
        (["mqtt"], SIMULATED | {"mosquitto"}),
        (["replicas"], SIMULATED | {"replica", "valkey", "front"}),
        (["*"], {*COMPOSE["services"]}),
    ],
)
def test_the_simulated_house_is_there_with_every_profile(compose, profiles, services):
    """Dashboards without a house would stay empty."""
    assert compose(*profiles).keys() == services


@pytest.mark.parametrize("profiles", [[], ["metrics"], ["influx"]])
def test_nothing_is_simulated_once_a_gateway_is_named(compose, profiles):
    assert "simulator" not in compose(*profiles, env="PW_HOST=192.168.1.50\nPW_PASSWORD=secret\n")


@pytest.mark.parametrize("profiles", [[], ["metrics"], ["influx"]])
def test_nothing_is_simulated_where_only_the_cloud_is_read(compose, profiles):
    services = compose(*profiles, env="PW_HOST=\nPW_CLOUD_MODE=fleet\n")

    assert "simulator" not in services
    given = settings_of(services)
    assert (given.get("PW_HOST"), given["PW_CLOUD_MODE"], given.get("PW_PASSWORD")) == ("", "fleet", None)


def test_the_broker_of_the_profile_gets_its_files_and_the_passwords_of_env(compose):
    """What they do is in tests/mqtt/test_acl.py. Without BROKER_BIND, only this machine reaches it."""
    start = (ROOT / "deploy/mosquitto/start.sh").read_text("utf-8")

    broker = compose("mqtt", env="MQTT_PASSWORD='of a $proxy'\nHOMEASSISTANT_PASSWORD=b\n")["mosquitto"]

    given = {"MQTT_PASSWORD": "of a $proxy", "HOMEASSISTANT_PASSWORD": "b", "READER_PASSWORD": ""}
    assert broker["environment"] == given
    assert set(re.findall(r"\$\{(\w+):-\}", start)) == given.keys()
    [config, data] = broker["volumes"]
    assert (config["source"][-16:], config["target"]) == ("deploy/mosquitto", "/mosquitto/config")
    assert broker["command"] == ["sh", f"{config['target']}/start.sh"]
    assert data["target"] == "/mosquitto/data"
    assert [(port["host_ip"], port["target"]) for port in broker["ports"]] == [("127.0.0.1", 1883)]


def test_a_copy_of_the_example_changes_nothing_until_it_is_edited(compose):
    """Everything in it is a comment, and every comment that looks like a setting can be one."""
    example = (ROOT / ".env.example").read_text("utf-8")
    edited = re.sub(r"^#(?=[A-Z_]+=)", "", example, flags=re.MULTILINE)

    assert compose(env=example) == compose(env="")
    assert compose(env=edited).keys() == {"pypowerwall", "prometheus", "grafana"}


def test_what_is_written_into_the_env_file_stays_out_of_git():
    """It holds passwords."""
    assert ".env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def settings_of(services):
    """The settings that the program finds in its container; whatever else is there is none of ours."""
    environment = services["pypowerwall"]["environment"]
    given = {name: text for name, text in environment.items() if name.startswith("PW_")}
    assert given.keys() <= {row.env for row in SETTINGS}
    return given


def test_the_first_start_needs_no_settings(compose):
    """No .env, no gateway: the proxy reads the simulated one."""
    services = compose()

    assert services["simulator"]["command"][:1] == ["simulate"]
    assert settings_of(services) == {
        "PW_HOST": "simulator:8443",
        "PW_PASSWORD": "password",
        "PW_METRICS_REFRESH": "all",
        "PW_PORT": "8675",
    }


def test_every_setting_can_stand_in_the_env_file(compose):
    """A password as it is, and the port on this machine."""
    own = compose(env="PW_HOST=192.168.1.50\nPW_PASSWORD='a$b\"c #d\\e'\nPW_PORT=9000\nPW_STYLE=white\n")

    given = settings_of(own)
    [port] = own["pypowerwall"]["ports"]
    assert (given["PW_HOST"], given["PW_PASSWORD"]) == ("192.168.1.50", 'a$b"c #d\\e')
    assert given["PW_STYLE"] == "white"
    assert (port["published"], port["target"], given["PW_PORT"]) == ("9000", 8675, "8675")


def test_a_powerwall_3_is_not_offered_the_password_of_the_simulated_house(compose):
    """It may have no customer login at all, and gateways lock out clients that repeat a wrong one."""
    given = settings_of(compose(env="PW_HOST=192.168.91.1\nPW_GW_PWD=ABCDEFGHIJ\n"))

    assert given["PW_GW_PWD"] == "ABCDEFGHIJ"
    assert "PW_PASSWORD" not in given


def test_every_path_that_is_mounted_exists(compose):
    mounts = [mount for service in compose("*").values() for mount in service.get("volumes", [])]
    bound = [Path(mount["source"]) for mount in mounts if mount["type"] == "bind"]

    assert len(bound) == 14
    assert [path for path in bound if not path.exists()] == []
    assert {mount["source"] for mount in mounts if mount["type"] == "volume"} == COMPOSE["volumes"].keys()


def test_what_others_request_is_where_the_proxy_listens():
    """Prometheus and telegraf name the service and its port within the network of the containers."""
    port = COMPOSE["services"]["pypowerwall"]["environment"]["PW_PORT"]
    requested = [
        *re.findall(r"pypowerwall:(\d+)", (ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8")),
        *re.findall(r"pypowerwall:(\d+)", (ROOT / "deploy/telegraf/telegraf.conf").read_text("utf-8")),
    ]

    assert requested
    assert {*requested} == {port}


def test_the_health_check_tests_whether_readings_are_fresh():
    """Not only whether the process lives: watchdogs act on this verdict."""
    assert COMPOSE["services"]["pypowerwall"]["healthcheck"]["test"] == ["CMD", "powerwall-proxy", "health"]


def test_what_has_a_password_that_is_public_is_only_for_this_machine():
    """Databases without a password, and Grafana until .env names another file for its own."""
    for name in ("grafana", "grafana-influxdb", "influxdb", "prometheus"):
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
