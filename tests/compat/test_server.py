"""What a program of pypowerwall-server finds there it finds here: every key, of the same type, with the same number."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from proxy.app import build_app, listening
from proxy.config.gateway_settings import GatewaySettings
from proxy.config.settings import settings_of
from proxy.sim.server import SimulatedGateway
from tests.compat.server_differences import CORPORA, DIFFERENCES, NOT_FOUND
from tests.conftest import client_of
from tests.shared import SHARED

COMPAT = SHARED / "compat"
SETTINGS: dict[str, dict] = {
    "local-pw2": {},
    "local-pw3lan": {},
    "tedapi-pw3": {"password": "", "gw_pwd": "ABCDEFGHIJ", "integrate_energy": False},
}
# When the answer was made, and who made it: no fact of the house.
UNCOMPARED = {"VITALS", "timestamp", "last_updated", "current_time", "last_status_time"}


def recorded(corpus: str) -> dict:
    return json.loads((COMPAT / f"server-{corpus}.json").read_text())


def gaps(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Paths of what is there and not here: absent, unknown, of another type, another number. Texts are texts."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in theirs.keys() - UNCOMPARED:
            yield from gaps(theirs[key], ours.get(key), f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and not _are_names(theirs):
        if len(theirs) != len(ours):
            yield path
            return
        for place, pair in enumerate(zip(theirs, ours, strict=True)):
            yield from gaps(*pair, f"{path}[{place}]")
    elif not _is_same(theirs, ours):
        yield path


def _are_names(value: Any) -> bool:
    """Lists of names, such as alerts, have no order."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_same(theirs: Any, ours: Any) -> bool:
    """Whether a value is as good as theirs; what they do not know cannot be missed."""
    if theirs is None:
        return True
    if _are_names(theirs):
        return _are_names(ours) and sorted(theirs) == sorted(ours)
    if _is_number(theirs):
        return _is_number(ours) and ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)
    return isinstance(ours, str) if isinstance(theirs, str) else ours is theirs


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def name_of(path: str) -> str:
    """The last key of a path."""
    return re.sub(r"\[\d+\]", "", path).rpartition(".")[2]


def accepted(answer: str) -> set[str] | int:
    """Names that may differ in a recorded answer, or the status that stands for it."""
    found = [difference.keys for difference in DIFFERENCES if answer in difference.answers]
    if NOT_FOUND in found:
        return NOT_FOUND
    return set().union(*(keys for keys in found if not isinstance(keys, int)))


@pytest.mark.parametrize("corpus", CORPORA)
async def test_answers_have_what_the_servers_have_but_for_the_listed_differences(
    corpus, start, clock, subtests
):
    """Exactly these: a difference that is gone has to leave the list."""
    peer, seen = recorded(corpus), {}
    async with SimulatedGateway.from_capture(COMPAT / peer["gateway"], clock=clock.clock) as sim:
        proxy = await start(sim, **SETTINGS[corpus])
        for answer in peer["answers"]:
            path = answer["path"]
            with subtests.test(path=path):
                got = await proxy.get(path)
                names = accepted(f"{corpus} {path}")
                if names == NOT_FOUND:
                    assert got.status == NOT_FOUND
                    continue
                assert got.status == 200
                assert got.headers["Content-Type"] == answer["content_type"]
                if "json" in answer:
                    found = {name_of(gap) for gap in gaps(answer["json"], got.json())}
                else:
                    found = set() if got.text == answer["text"] else {""}
                seen[f"{corpus} {path}"] = found

                assert found <= names

    for difference in DIFFERENCES:
        shown = [name for name in difference.answers if name.startswith(f"{corpus} ")]
        if shown and difference.keys != NOT_FOUND:
            assert all(seen[name] & difference.keys for name in shown), difference.where


async def test_two_gateways_answer_what_the_server_does(clock, tmp_path, subtests):
    """House over the local API, garage over TEDAPI: the same differences as of each alone, and totals by energy."""
    peer = recorded("two")
    async with AsyncExitStack() as stack:
        sims = {
            id_: await stack.enter_async_context(
                SimulatedGateway.from_capture(COMPAT / name, clock=clock.clock)
            )
            for id_, name in peer["gateways"].items()
        }
        listed = (
            GatewaySettings(id="house", name="House, east", host=sims["house"].address, password="password"),
            GatewaySettings(
                id="garage", host=sims["garage"].address, gw_pwd="ABCDEFGHIJ", integrate_energy=False
            ),
        )
        made = replace(settings_of(bind_address="127.0.0.1", port=0, state_path=str(tmp_path)), listed=listed)
        app = build_app(made, clock.clock)
        _, port = await stack.enter_async_context(listening(app, made))
        proxy = await stack.enter_async_context(client_of(app, port))
        for answer in peer["answers"]:
            path = answer["path"]
            if not path.startswith(
                ("/api/gateways", "/api/aggregate", "/battery", "/aggregates", "/control")
            ):
                continue
            with subtests.test(path=path):
                got = await proxy.get(path)
                assert got.status == 200
                found = {name_of(gap) for gap in gaps(answer["json"], got.json())}
                assert found <= names_that_differ() | BY_ENERGY | {"port"}


# Where the mean of two percentages is no charge of all packs. (The port stands in the host here.)
BY_ENERGY = {
    *("total_battery_percent", "total_battery_percent_raw", "percentage", "raw_percentage"),
    *("battery_percent", "battery_percent_raw"),
}


def names_that_differ() -> set[str]:
    """Names that differ in answers of one gateway."""
    return set().union(*(each.keys for each in DIFFERENCES if not isinstance(each.keys, int))) - {""}


async def test_every_difference_that_is_listed_is_recorded():
    """A row names answers that there are."""
    known = {f"{corpus} {answer['path']}" for corpus in CORPORA for answer in recorded(corpus)["answers"]}

    assert {answer for difference in DIFFERENCES for answer in difference.answers} <= known


async def test_objects_have_every_key_of_the_server(start, clock):
    """Also those that are null there: programs look keys up without checking whether they are there."""
    peer = recorded("tedapi-pw3")
    theirs = next(each["json"] for each in peer["answers"] if each["path"] == "/api/gateways/default")
    async with SimulatedGateway.from_capture(COMPAT / peer["gateway"], clock=clock.clock) as sim:
        proxy = await start(sim, **SETTINGS["tedapi-pw3"])
        ours = (await proxy.get("/api/gateways/default")).json()

    assert ours.keys() == theirs.keys()
    assert ours["gateway"].keys() == theirs["gateway"].keys()
    assert ours["data"].keys() == theirs["data"].keys()


@pytest.mark.parametrize("path", ["/health", "/stats"])
async def test_state_has_the_keys_of_the_server(path, start, clock):
    """Those that say something: a health card of its console lives on them. Types as there, or null."""
    peer = recorded("tedapi-pw3")
    theirs = next(each["json"] for each in peer["varying"] if each["path"] == path)
    named = {
        "/health": ("gateway_ids", "gateways_online", "gateways_offline", "gateway_details"),
        "/stats": (
            *("pypowerwall_version", "server_version", "mode", "gets", "posts", "errors", "timeout", "uri"),
            *("ts", "start", "clear", "uptime", "mem", "cloudmode", "fleetapi", "tedapi", "basiclan"),
            *("cloudcontrol", "pw3", "tedapi_mode", "gateways", "gateway_statuses", "site_name"),
        ),
    }[path]
    async with SimulatedGateway.from_capture(COMPAT / peer["gateway"], clock=clock.clock) as sim:
        proxy = await start(sim, **SETTINGS["tedapi-pw3"])
        await proxy.get("/aggregates")
        ours = (await proxy.get(path)).json()

    assert {key: type(ours[key]) for key in named} == {key: type(theirs[key]) for key in named}
    if path == "/stats":
        assert ours["gateways"] == {"total": 1, "online": 1, "offline": 0}
        assert ours["gateway_statuses"][0].keys() == theirs["gateway_statuses"][0].keys()
    else:
        assert ours["gateway_details"] == theirs["gateway_details"]


# Counts, times and settings: no readings.
NO_READINGS = {"num_gateways", "num_online", "num_degraded", "timestamp", "last_updated", "port", "qos"}


def numbers(value: Any, key: str = "") -> Iterator[str]:
    """Names of the numbers in an answer."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from numbers(entry, name)
    elif isinstance(value, list):
        for entry in value:
            yield from numbers(entry, key)
    elif _is_number(value):
        yield key


async def test_where_nothing_is_known_no_answer_has_a_reading(start, subtests):
    """An error, or a document without a number that could be taken for one; zeros only where the operator wants them."""
    proxy = await start(host="127.0.0.1:1", password="password")
    legacy = await start(host="127.0.0.1:1", password="password", legacy_errors=True, state_path="")

    for answer in recorded("unknown")["answers"]:
        with subtests.test(path=answer["path"]):
            got, old = await proxy.get(answer["path"]), await legacy.get(answer["path"])

            assert got.status in {404, 502, 503, 504} or set(numbers(got.json())) <= NO_READINGS
            assert old.status in {200, 404, 503}
