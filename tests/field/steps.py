"""A gateway and a proxy as a case describes them, and what its steps do with the two."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from http.cookies import SimpleCookie
from importlib.metadata import version
from pathlib import Path

from proxy.app import build_app, listening
from proxy.config.load import load
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from proxy.state.certificates import serving_context
from tests.clock import TestClock, pass_time
from tests.conftest import Answer, Proxy, client_of
from tests.drivers.houses import Key, knows
from tests.field import answers, metrics, wire
from tests.field.cases import Case, changed, set_vitals
from tests.quiet import QUIET_ENVIRON

# Passwords that the proxy is given, by the name of a driver.
ACCESS = {
    "local": ("PW_PASSWORD",),
    "tedapi": ("PW_GW_PWD",),
    "hybrid": ("PW_PASSWORD", "PW_GW_PWD"),
    "v1r": ("PW_GW_PWD", "PW_RSA_KEY_PATH"),
}
# Step by step, so that whatever the proxy does by itself is done when it is due.
_STEP_S = 1.0


class Site:
    """Runs the steps of a case. Close it with the exit stack that it is given."""

    def __init__(self, case: Case, clock: TestClock, key: Key, folder: Path, stack: AsyncExitStack) -> None:
        self._case = case
        self._capture = case.gateway
        self._clock = clock
        self._key = key
        self._folder = folder
        self._stack = stack
        self._running = AsyncExitStack()
        self._starts = 0
        self._sessions: dict[str, dict] = {}
        self._remembered: dict[str, object] = {}
        self.sim: SimulatedGateway
        self.proxy: Proxy

    async def start(self) -> None:
        """Start the gateway and the proxy in front of it."""
        file = self._folder / "gateway.json"
        file.write_text(json.dumps(self._capture))
        self.sim = SimulatedGateway.from_capture(file, clock=self._clock.clock)
        if "PW_RSA_KEY_PATH" in ACCESS[self._case.driver]:
            knows(self.sim, self._key)
        await self._stack.enter_async_context(self.sim)
        self._stack.push_async_callback(self._stop)
        self._behave(self._case.settings)
        await self._start_proxy()

    async def _start_proxy(self) -> None:
        given = {
            "PW_PASSWORD": self.sim.password,
            "PW_GW_PWD": self.sim.gw_pwd,
            "PW_RSA_KEY_PATH": str(self._key.path),
        }
        loaded = load(
            {
                "PW_HOST": self.sim.address,
                "PW_BIND_ADDRESS": "127.0.0.1",
                **QUIET_ENVIRON,
                "PW_STATE_PATH": str(self._folder / f"state{self._starts}"),
                **{name: given[name] for name in ACCESS[self._case.driver]},
                **self._case.environ,
            }
        )
        settings = replace(loaded.settings, port=0)
        app = build_app(settings, self._clock.clock, loaded)
        tls = serving_context(settings) if settings.https == "yes" else None
        _, port = await self._running.enter_async_context(listening(app, settings, tls))
        client = client_of(app, port, "https" if tls else "http")
        self.proxy = await self._running.enter_async_context(client)

    async def _stop(self) -> None:
        await self._running.aclose()

    # --- steps ---------------------------------------------------------------------------------

    async def run(self, step: dict) -> None:
        """Run one step. Raises AssertionError for what is not as the case says."""
        verb = next(word for word in STEPS if word in step)
        unknown = step.keys() - {verb, *STEPS[verb], "note"}
        assert not unknown, f"a step knows no {unknown}"
        await getattr(self, f"_{verb}")(step)

    async def _get(self, step: dict) -> None:
        self._check(await self._request("GET", step["get"], step), step)

    async def _head(self, step: dict) -> None:
        answer = await self._request("HEAD", step["head"], step)
        self._check(answer, step)
        assert answer.body == b""

    async def _post(self, step: dict) -> None:
        self._check(await self._request("POST", step["post"], step, data=step.get("form")), step)

    async def _login(self, step: dict) -> None:
        answer = await self._request("POST", "/api/login/Basic", step, json=step["login"])
        self._check(answer, step)
        cookies = SimpleCookie()
        for cookie in answer.headers.getall("Set-Cookie"):
            cookies.load(cookie)
        self._sessions[step["as"]] = {
            "cookie": {"Cookie": "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())},
            "bearer": {"Authorization": f"Bearer {answer.json()['token']}"},
        }

    async def _metrics(self, step: dict) -> None:
        scraped = await self._scrape()
        for sample, expected in step["metrics"].items():
            found = scraped.get(metrics.key(sample))
            assert found == expected, f"{sample} is {found}"

    async def _metrics_age(self, step: dict) -> None:
        scraped = await self._scrape()
        for sample, expected in step["metrics_age"].items():
            age_s = self._clock.clock.wall() - scraped[metrics.key(sample)]
            assert answers.is_near(age_s, expected), f"{sample} was {age_s} s ago"

    async def _metrics_parse(self, step: dict) -> None:
        accept, parse = metrics.FORMATS[step["metrics_parse"]]
        answer = await self.proxy.get("/metrics", headers={"Accept": accept})
        assert answer.headers["Content-Type"].startswith(accept)
        assert list(parse(answer.text))

    async def _script(self, step: dict) -> None:
        for requirement in step.get("python", "").split():
            name, _, wanted = requirement.partition("==")
            assert version(name) == wanted
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, str(self._case.folder / step["script"]), self.proxy.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await program.communicate()
        assert program.returncode == 0, output.decode()

    async def _change(self, step: dict) -> None:
        self._capture = changed(self._capture, step["change"])
        self.sim.recapture(self._capture)

    async def _vitals(self, step: dict) -> None:
        self._capture = changed(self._capture, [])
        set_vitals(self._capture, step["vitals"])
        self.sim.recapture(self._capture)

    async def _settings(self, step: dict) -> None:
        self._behave(step["settings"])

    async def _expire_gateway(self, step: dict) -> None:
        self.sim.expire_sessions()

    async def _restart(self, step: dict) -> None:
        await self._stop()
        self._starts += step["restart"] == "fresh"
        await self._start_proxy()

    async def _sleep(self, step: dict) -> None:
        left = step["sleep"]
        while left > 0:
            await pass_time(self._clock, self.proxy, min(left, _STEP_S))
            left -= _STEP_S

    async def _raw(self, step: dict) -> None:
        status, headers, body = await wire.exchange(
            self.proxy.port, step["raw"].encode(), closes=step.get("must_close", True)
        )
        self._check(Answer(status, headers, body), step)

    async def _tls(self, step: dict) -> None:
        request = b"GET /csv HTTP/1.1\r\nHost: powerwall\r\nConnection: close\r\n\r\n"
        status, _, body = await wire.exchange(self.proxy.port, request, limits=step["tls"])
        assert status == 200
        assert body

    async def _gateway_log(self, step: dict) -> None:
        for path, most in step["gateway_log"].items():
            assert self.sim.requests_for(path) <= most, path

    # --- what steps have in common -------------------------------------------------------------

    async def _request(self, method: str, path: str, step: dict, **body) -> Answer:
        session = self._sessions[step["with"]][step.get("show", "cookie")] if "with" in step else {}
        headers = {**session, **step.get("headers", {})}
        return await self.proxy.request(method, path, headers=headers, **body)

    async def _scrape(self) -> dict:
        answer = await self.proxy.get("/metrics")
        assert answer.status == 200
        return metrics.samples(answer.text)

    def _check(self, answer: Answer, step: dict) -> None:
        wanted = step.get("status", 200)
        assert answer.status in (wanted if isinstance(wanted, list) else [wanted]), answer.text
        for name, part in step.get("header", {}).items():
            found = answer.headers.get(name)
            assert found is None if part is None else found is not None and part in found, f"{name}: {found}"
        assert answers.problems(answer.text, step) == []
        if "same_as_gateway" in step:
            assert answer.json() == self._capture["rest"][step["same_as_gateway"]]
        for name, path in step.get("remember", {}).items():
            self._remembered[name] = answers.look_up(answer.json(), path)
        for name, path in step.get("recall", {}).items():
            assert answers.look_up(answer.json(), path) == self._remembered[name], path

    def _behave(self, settings: dict) -> None:
        self.sim.clear_faults()
        for override in settings.get("overrides", []):
            self.sim.faults.add(
                Fault(
                    override["path"],
                    status=override.get("status"),
                    action="reset" if override.get("drop") else None,
                    delay_s=override.get("latency_ms", 0) / 1000,
                )
            )
        if "after_write" in settings:
            self._after_write(settings["after_write"])

    def _after_write(self, becomes) -> None:
        """Let a configuration that was written be forgotten, or changed."""
        read = self._capture["config"]

        def edit(kind: str, document):
            if kind != "config" or document == read:
                return document
            return read if becomes == "forget" else changed({"config": document}, becomes)["config"]

        self.sim.tedapi.edit = edit


_CHECKS = {*answers.WORDS, "status", "header", "same_as_gateway", "remember", "recall"}
_REQUEST = {*_CHECKS, "headers", "with", "show"}
# Every verb, and the words that may stand beside it.
STEPS = {
    "get": _REQUEST,
    "head": _REQUEST,
    "post": {*_REQUEST, "form"},
    "login": {*_CHECKS, "headers", "as"},
    "metrics": {},
    "metrics_age": {},
    "metrics_parse": {},
    "script": {"python"},
    "change": {},
    "vitals": {},
    "settings": {},
    "expire_gateway": {},
    "restart": {},
    "sleep": {},
    "raw": {*_CHECKS, "timeout", "must_close"},
    "tls": {},
    "gateway_log": {},
}
