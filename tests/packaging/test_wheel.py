"""What is installed runs anywhere: as any user, from a folder that cannot be written."""

import re
import socket
import subprocess
import zipfile
from contextlib import contextmanager
from urllib.request import urlopen

SETTINGS = {"HOME": "/nonexistent", "PW_PORT": "0"}


@contextmanager
def serving(installation, **settings):
    """Run the demo as the image does; gives the port."""
    with subprocess.Popen(
        [installation.command, "serve", "--demo"],
        env={**SETTINGS, **settings},
        cwd=installation.empty,
        user=installation.user,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            for line in process.stderr:
                if match := re.search(r"listening url=\S+:(\d+)", line):
                    yield match[1]
                    break
        finally:
            process.terminate()
            rest = process.stderr.read()
    assert "Traceback" not in rest
    assert process.returncode == 0


def health(installation, port):
    """Run the health check as the image does."""
    return subprocess.run(
        [installation.command, "health"],
        env={**SETTINGS, "PW_PORT": port},
        cwd=installation.empty,
        user=installation.user,
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_wheel_holds_the_product_and_nothing_else(wheel):
    """The pages are in it; tests, keys and recordings are not."""
    names = zipfile.ZipFile(wheel).namelist()

    assert {"proxy/__main__.py", "proxy/web/index.html"} <= set(names)
    assert [name for name in names if not re.match(r"proxy/|powerwall_proxy-[^/]+\.dist-info/", name)] == []
    assert [name for name in names if name.endswith((".pem", ".key", ".pyc"))] == []


def test_the_installed_wheel_serves_as_an_unprivileged_user(installation):
    with serving(installation) as port:
        for path in ("/health", "/soe"):
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=120) as answer:
                assert answer.status == 200, path

        requested = health(installation, port)

    assert (requested.returncode, requested.stdout) == (0, "ready\n"), requested.stderr


def test_the_health_check_fails_when_nothing_runs(installation):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

    requested = health(installation, port)

    assert requested.returncode == 1
    assert f"no answer on port {port}" in requested.stderr
