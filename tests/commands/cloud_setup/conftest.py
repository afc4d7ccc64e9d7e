"""An operator who answers questions, Tesla's simulated cloud, and the command between them."""

import argparse
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from proxy.commands.cloud_setup import set_up
from proxy.commands.operator import MissingArgument
from proxy.sim.cloud.server import SimulatedCloud
from tests.drivers.cloud.conftest import trusting

ARGUMENTS = (
    *("mode", "auth_path", "email", "site", "region", "client_id", "client_secret_file"),
    *("domain", "redirect_uri", "code_file", "token_file", "url"),
)


class Operator:
    """Answers by argument; opens the address that is shown in a browser, and agrees."""

    def __init__(self, cloud, **answers):
        self.cloud = cloud
        self.answers = answers
        self.shown: list[str] = []
        self.questions: list[str] = []

    def show(self, line):
        self.shown.append(line)

    def answer(self, question, argument):
        self.questions.append(question)
        name = argument.removeprefix("--").replace("-", "_") or "wait"
        if name not in self.answers:
            raise MissingArgument(argument)
        given = self.answers[name]
        return given() if callable(given) else given

    secret = answer

    def browse(self):
        """Give the address that the browser ends at."""
        address = next(line for line in reversed(self.shown) if line.startswith("http"))
        query = dict(parse_qsl(urlsplit(address).query))
        return self.cloud.sign_in.authorize(query).headers["Location"]


@pytest.fixture
async def cloud(clock):
    async with SimulatedCloud(tls=False) as cloud:
        cloud.house.gateway.speed = 0
        cloud.house.pin(solar=4000, battery=-1500, load=2000)
        cloud.account.must_register = True
        yield cloud


@pytest.fixture
async def domain(cloud):
    """The web server of the application's domain."""
    async with SimulatedCloud(cloud.house) as domain:
        yield domain


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "auth"


@pytest.fixture
def run(cloud, domain, folder, tmp_path):
    """Run it; ``environ`` takes the place of the settings that name the simulated servers."""

    async def run(operator, mode, environ=None, **given):
        args = argparse.Namespace(
            **{**dict.fromkeys(ARGUMENTS), "replace": False, "dry_run": False, "mode": mode, **given}
        )
        if environ is None:
            environ = {"PW_CLOUD_URL": cloud.url, "PW_CLOUD_AUTH_URL": cloud.url}
        environ = {**environ, "PW_AUTH_PATH": str(folder)}
        return await set_up(args, operator, environ, tmp_path / "settings.toml", tls=trusting(domain))

    return run


def read(folder, name=".pypowerwall.fleetapi"):
    return json.loads((folder / name).read_text())
