"""The Debian package through its life: installed, configured, upgraded, removed, installed again, purged."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from proxy import __version__
from tests.packaging.machine import ENVIRONMENT, Layer, Machine, debian

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/debian/powerwall-proxy.service"
SETTINGS = "/etc/powerwall-proxy/powerwall-proxy.toml"
STATE = "/var/lib/powerwall-proxy"
STARTS_AT_BOOT = "/etc/systemd/system/multi-user.target.wants/powerwall-proxy.service"
EX_UNAVAILABLE = 69


@pytest.fixture(scope="module")
def package(release) -> Path:
    [built] = release.glob("*.deb")
    return built


@pytest.fixture(scope="module")
def newer(package, tmp_path_factory) -> Path:
    """The same with the next version's number."""
    place = tmp_path_factory.mktemp("newer")
    tree = place / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace(f"Version: {__version__}", f"Version: {__version__}+next"))
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, place],
        check=True,
        capture_output=True,
    )
    [made] = place.glob("*.deb")
    return made


@dataclass(frozen=True)
class Installation:
    """What the first installation of the package wrote, and what it said."""

    layer: Layer
    shown: str


@pytest.fixture(scope="module")
def installation(package, tmp_path_factory) -> Iterator[Installation]:
    """Made once: every test goes on from it in a machine of its own."""
    needs_root()
    with debian(tmp_path_factory.mktemp("installation") / "machine") as machine:
        shown = machine.install(package)
        yield Installation(machine.keep(), shown)


@pytest.fixture
def machine(tmp_path) -> Iterator[Machine]:
    """A machine that the package has never been on."""
    needs_root()
    with debian(tmp_path / "machine") as machine:
        yield machine


@pytest.fixture
def installed(installation, tmp_path) -> Iterator[Machine]:
    """A machine on which the package has just been installed."""
    with debian(tmp_path / "machine", installation.layer) as machine:
        yield machine


def needs_root() -> None:
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("a package can be installed by root only")


@contextmanager
def simulated() -> Iterator[str]:
    """A gateway on loopback; gives its settings."""
    with subprocess.Popen(
        [sys.executable, "-m", "proxy", "simulate", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            found = (re.search(r"PW_HOST=(\S+) PW_PASSWORD=(\S+)", line) for line in process.stdout)
            host, password = next(match for match in found if match).groups()
            yield f'host = "{host}"\npassword = "{password}"\nport = 0\nbind_address = "127.0.0.1"\n'
        finally:
            process.terminate()


def reads_the_gateway(machine: Machine) -> bool:
    """Start what the unit starts, have it read the gateway once, and end it as systemd does."""
    [start] = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    with subprocess.Popen(
        machine.command(*start.split()), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    ) as daemon:
        found = (re.search(r"listening url=(\S+)", line) for line in daemon.stderr)
        url = next(match[1] for match in found if match)
        with urlopen(f"{url}/soe", timeout=120) as answer:
            read = answer.status == 200
        user = Path(f"/proc/{daemon.pid}/status").read_text()
        daemon.terminate()
        daemon.stderr.read()
    assert "\nUid:\t0\t" not in user
    return read and daemon.returncode == 0


def test_an_installation_starts_nothing_and_names_the_next_command(installation, installed):
    assert "no gateway is configured yet" in installation.shown
    assert "sudo powerwall-proxy setup\n" in installation.shown
    assert not installed.has(STARTS_AT_BOOT)
    assert installed.rights(SETTINGS) == "root powerwall-proxy 640"
    assert installed.rights(STATE) == "powerwall-proxy powerwall-proxy 700"
    assert "PW_HOST is missing" in installed.run("powerwall-proxy", "check", fails=True)


def owners_and_rights(installed) -> list[str]:
    """The files of the state folder. Sizes and times change while the service runs."""
    return sorted(installed.run("find", STATE, "-printf", "%P %m %U %G\\n").splitlines())


def test_settings_and_state_outlive_an_upgrade_and_a_removal_but_no_purge(installed, package, newer):
    with simulated() as settings:
        installed.write(SETTINGS, settings.encode())
        installed.run("systemctl", "enable", "powerwall-proxy")
        assert reads_the_gateway(installed)
        before = owners_and_rights(installed)
        assert ".powerwall" in installed.run("ls", "-A", STATE)

        installed.install(newer)
        assert reads_the_gateway(installed)
    assert owners_and_rights(installed) == before

    installed.run("dpkg", "--remove", "powerwall-proxy")
    assert not installed.has("/opt/powerwall-proxy")
    assert not installed.has("/usr/bin/powerwall-proxy")
    assert installed.run("cat", SETTINGS) == settings
    assert owners_and_rights(installed) == before

    assert "nothing is started" not in installed.install(package)
    assert installed.has(STARTS_AT_BOOT)

    installed.run("dpkg", "--purge", "powerwall-proxy")
    for path in (STARTS_AT_BOOT, "/etc/powerwall-proxy", STATE, "/opt/powerwall-proxy"):
        assert not installed.has(path), path
    installed.run("id", "powerwall-proxy", fails=True)


def test_setup_writes_the_settings_so_that_the_service_can_read_them(installed):
    with simulated() as settings:
        known = tomllib.loads(settings)
        installed.write("/tmp/password", known["password"].encode())
        installed.run("powerwall-proxy", "setup", "--host", known["host"], "--password-file", "/tmp/password")

    assert installed.rights(SETTINGS) == "root powerwall-proxy 640"
    assert installed.run("ls", "-A", STATE) == ""
    assert known["host"] in installed.run("powerwall-proxy", "check")


def test_settings_that_were_there_before_the_first_installation_are_used(machine, package):
    """Copied from another machine, say; the service is enabled."""
    machine.run("mkdir", "/etc/powerwall-proxy")
    machine.write(SETTINGS, b'host = "192.168.1.50"\npassword = "x"\n')

    machine.install(package)

    assert machine.has(STARTS_AT_BOOT)


def test_a_service_that_the_operator_disabled_stays_so_in_an_upgrade(installed, newer):
    installed.write(SETTINGS, b'host = "192.168.1.50"\npassword = "x"\n')

    assert "nothing is started" not in installed.install(newer)

    assert not installed.has(STARTS_AT_BOOT)


def test_settings_that_cannot_be_used_are_shown_and_nothing_starts(machine, package):
    machine.run("mkdir", "/etc/powerwall-proxy")
    machine.write(SETTINGS, b'host = "192.168.1.300"\n')

    shown = machine.install(package)

    assert 'is "192.168.1.300", but must be' in shown
    assert "nothing is started" in shown
    assert not machine.has(STARTS_AT_BOOT)


def test_a_python_that_the_package_is_not_for_is_named(installed):
    """After an upgrade of Debian beyond the Pythons that the package knows."""
    installed.run("sh", "-c", "mv /opt/powerwall-proxy/lib/cp3* /opt/powerwall-proxy/lib/cp399")

    assert "this package is for Python 3.99; here is 3." in installed.run(
        "powerwall-proxy", "--version", fails=True
    )


def test_the_unit_is_confined():
    """At most 2.0 on the scale of systemd, where 10 is open to everything."""
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )

    assert rated.returncode == 0, rated.stdout
    assert "Overall exposure level" in rated.stdout


def test_the_unit_reports_and_is_watched():
    """What the daemon sends to the manager is what the unit waits for."""
    unit = UNIT.read_text()

    assert {"Type=notify", "WatchdogSec=30", "RestartPreventExitStatus=78"} <= {*unit.splitlines()}


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_the_scripts_of_the_package_are_lint_free(script):
    subprocess.run([Path(sys.executable).parent / "shellcheck", ROOT / "deploy/debian" / script], check=True)
