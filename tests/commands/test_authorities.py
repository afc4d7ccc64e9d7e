"""The authorities of this computer are read by what has to trust a public server, and by nothing else."""

from __future__ import annotations

import asyncio
import os
import sys

from aiohttp import web

from proxy.config.settings import settings_of
from proxy.state.certificates import own_certificate, serving_context

# What the command line does for `serve`, and then one request each by what sends requests to public servers.
SCRIPT = """
import asyncio, sys, time
from proxy.authorities import left_out

with left_out():
    import proxy.commands.serve

import aiohttp
from proxy.drivers.cloud.http import CloudHttp
from proxy.notify.command import example
from proxy.notify.receivers import Webhook

async def main(url):
    await Webhook("webhook 1", url).send(example("default", "Home", 1_760_000_000.0))
    http = CloudHttp(time.monotonic, timeout_s=20)
    print((await http.request("POST", url, json={})).status)
    await http.close()
    async with aiohttp.ClientSession() as session:
        try:
            await session.post(url)
        except aiohttp.ClientConnectorCertificateError:
            print("not trusted")

asyncio.run(main(sys.argv[1]))
"""


async def test_the_cloud_and_webhooks_trust_the_authorities_though_aiohttp_was_imported_without_them(
    tmp_path,
):
    """The one authority of this computer, as far as OpenSSL knows, is that of the server."""
    settings = settings_of(state_path=str(tmp_path), https="yes")
    tls = serving_context(settings)
    app = web.Application()

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app.router.add_post("/", take)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}/"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, url,
        env={**os.environ, "SSL_CERT_FILE": str(own_certificate(settings)), "SSL_CERT_DIR": str(tmp_path / "none")},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await child.communicate()
    await runner.cleanup()

    assert output.decode().split("\n") == ["200", "not trusted", ""]
