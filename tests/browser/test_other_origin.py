"""A page of another origin, as any site or gadget of the LAN may show one, tries to read and to write."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from proxy.sim.server import SimulatedGateway
from tests.browser.reading import TIMEOUT_S, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Even the right token must not help a page: it may have been guessed, or typed into it.
SECRET = "correct-horse-battery-staple"

READ = """async url => (await fetch(url + 'soe')).json()"""
WAYS = {
    "form as fetch": """async ([url, token]) => {
        const body = new URLSearchParams({value: '0', token});
        return (await fetch(url + 'control/reserve', {method: 'POST', mode: 'no-cors', body})).type;
    }""",
    "JSON with a bearer": """async ([url, token]) => {
        const headers = {'Content-Type': 'application/json', 'Authorization': `Bearer ${token}`};
        return (await fetch(url + 'control/reserve', {method: 'POST', headers, body: '{"value": 0}'})).status;
    }""",
    "beacon": """async ([url, token]) =>
        navigator.sendBeacon(url + 'control/reserve', new URLSearchParams({value: '0', token}))""",
    "form in a frame": """async ([url, token]) => {
        const frame = Object.assign(document.createElement('iframe'), {name: 'target'});
        document.body.append(frame);
        const form = Object.assign(document.createElement('form'),
            {method: 'POST', action: url + 'control/reserve', target: 'target'});
        for (const [name, value] of Object.entries({value: '0', token}))
            form.append(Object.assign(document.createElement('input'), {name, value}));
        document.body.append(form);
        const loaded = new Promise(resolve => frame.addEventListener('load', resolve));
        form.submit();
        await loaded;
        return 'sent';
    }""",
    "picture": """async ([url, token]) => new Promise(resolve => {
        const picture = new Image();
        picture.onerror = picture.onload = () => resolve('sent');
        picture.src = `${url}control/reserve?value=0&token=${token}`;
    })""",
    "reading of control": """async ([url]) => (await fetch(url + 'control/reserve')).json()""",
}


def tried(house):
    """The requests that reached the route of the reserve: row, method, status."""
    return [key for key in house.context.traffic.requests if key[0] == "/control/reserve"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_page_of_another_origin_reads_and_cannot_write(build, watch, clock, stranger, way):
    """It may show the charge; whatever it tries to set, the gateway hears nothing of it."""
    async with SimulatedGateway(clock=clock.clock) as sim:
        house = await build(sim, control_secret=SECRET)
        proxy = urlsplit(house.url)
        watch.allowed.add(f"{proxy.scheme}://{proxy.netloc}")
        watch.forgiven = ("CORS", "Failed to load resource")
        page = await watch.open(stranger)

        assert (await page.evaluate(READ, house.url))["percentage"] == pytest.approx(50, abs=1)
        result = await page.evaluate(
            "async ([source, url, token]) => { try { return [await eval(source)([url, token])]; }"
            " catch (error) { return ['refused', String(error)]; } }",
            [WAYS[way], house.url, SECRET],
        )

        assert result[0] in {"refused", "opaque", True, "sent"}
        await until(lambda: tried(house), TIMEOUT_S)  # a beacon is sent later than it is said to be
        assert not [key for key in tried(house) if key[1] == "POST" and key[2] != 403]
        assert sim.writes == []
        assert house.context.gateway.commands.counts == {}
        await house.stop()
