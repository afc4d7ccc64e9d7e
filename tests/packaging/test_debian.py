"""The Debian package through its life: installed, configured, upgraded, removed, installed again, purged."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from proxy import __version__
from tests.packaging.machine import ENVIRONMENT, Machine, debian

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/debian/powerwall-proxy.service"
SETTINGS = "/etc/powerwall-proxy/powerwall-proxy.toml"
STATE = "/var/lib/powerwall-proxy"
STARTS_AT_BOOT = "/etc/systemd/system/multi-user.target.wants/powerwall-proxy.service"
EX_UNAVAILABLE = 69


@pytest.fixture
def package(release) -> Path:
    [built] = release.glob("*.deb")
    return built


@pytest.fixture
def newer(package, tmp_path) -> Path:
    """The same with the next version's number."""
    tree = tmp_path / "newer"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace(f"Version: {__version__}", f"Version: {__version__}+next"))
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, tmp_path],
        check=True,
        capture_output=True,
    )
    [made] = tmp_path.glob("*.deb")
    return made


@pytest.fixture
def machine(tmp_path) -> Iterator[Machine]:
    if os.geteuid() != 0 and "CI" not in os.environ:
        pytest.skip("a package can be installed by root only")
    place = tmp_path / "machine"
    place.mkdir()
    with debian(place) as machine:
        yield machine


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


def test_an_installation_starts_nothing_and_names_the_next_command(machine, package):
    shown = machine.install(package)

    assert "no gateway is configured yet" in shown
    assert "sudo powerwall-proxy setup\n" in shown
    assert not machine.has(STARTS_AT_BOOT)
    assert machine.rights(SETTINGS) == "root powerwall-proxy 640"
    assert machine.rights(STATE) == "powerwall-proxy powerwall-proxy 700"
    assert "PW_HOST is missing" in machine.run("powerwall-proxy", "check", fails=True)


def test_settings_and_state_outlive_an_upgrade_and_a_removal_but_no_purge(machine, package, newer):
    machine.install(package)
    with simulated() as settings:
        machine.write(SETTINGS, settings.encode())
        machine.run("systemctl", "enable", "powerwall-proxy")
        assert reads_the_gateway(machine)
        before = machine.run("ls", "-ln", STATE)
        assert ".powerwall" in machine.run("ls", "-A", STATE)

        machine.install(newer)
        assert reads_the_gateway(machine)
    assert machine.run("ls", "-ln", STATE) == before

    machine.run("dpkg", "--remove", "powerwall-proxy")
    assert not machine.has("/opt/powerwall-proxy")
    assert not machine.has("/usr/bin/powerwall-proxy")
    assert machine.run("cat", SETTINGS) == settings
    assert machine.run("ls", "-ln", STATE) == before

    assert "nothing is started" not in machine.install(package)
    assert machine.has(STARTS_AT_BOOT)

    machine.run("dpkg", "--purge", "powerwall-proxy")
    for path in (STARTS_AT_BOOT, "/etc/powerwall-proxy", STATE, "/opt/powerwall-proxy"):
        assert not machine.has(path), path
    machine.run("id", "powerwall-proxy", fails=True)


def test_setup_writes_the_settings_so_that_the_service_can_read_them(machine, package):
    machine.install(package)
    with simulated() as settings:
        known = tomllib.loads(settings)
        machine.write("/tmp/password", known["password"].encode())
        machine.run("powerwall-proxy", "setup", "--host", known["host"], "--password-file", "/tmp/password")

    assert machine.rights(SETTINGS) == "root powerwall-proxy 640"
    assert machine.run("ls", "-A", STATE) == ""
    assert known["host"] in machine.run("powerwall-proxy", "check")


def test_settings_that_were_there_before_the_first_installation_are_used(machine, package):
    """Copied from another machine, say; the service is enabled."""
    machine.run("mkdir", "/etc/powerwall-proxy")
    machine.write(SETTINGS, b'host = "192.168.1.50"\npassword = "x"\n')

    machine.install(package)

    assert machine.has(STARTS_AT_BOOT)


def test_a_service_that_the_operator_disabled_stays_so_in_an_upgrade(machine, package, newer):
    machine.install(package)
    machine.write(SETTINGS, b'host = "192.168.1.50"\npassword = "x"\n')

    assert "nothing is started" not in machine.install(newer)

    assert not machine.has(STARTS_AT_BOOT)


def test_settings_that_cannot_be_used_are_shown_and_nothing_starts(machine, package):
    machine.run("mkdir", "/etc/powerwall-proxy")
    machine.write(SETTINGS, b'host = "192.168.1.300"\n')

    shown = machine.install(package)

    assert 'is "192.168.1.300", but must be' in shown
    assert "nothing is started" in shown
    assert not machine.has(STARTS_AT_BOOT)


def test_a_python_that_the_package_is_not_for_is_named(machine, package):
    """After an upgrade of Debian beyond the Pythons that the package knows."""
    machine.install(package)
    machine.run("sh", "-c", "mv /opt/powerwall-proxy/lib/cp3* /opt/powerwall-proxy/lib/cp399")

    assert "this package is for Python 3.99; here is 3." in machine.run(
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
