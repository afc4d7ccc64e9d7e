"""Pages of a proxy with several gateways: links between them, and the members of a site."""

import re

from tests.fleet.conftest import gateway


async def test_pages_link_to_the_same_page_of_every_gateway(fleet):
    """Relative links, so that they hold in frames and below any prefix; the parameters of the address stay."""
    bare = (await fleet.get("/?style=black&units=w")).text
    below = (await fleet.get("/sites/home/?style=black&units=w")).text
    status = (await fleet.get("/gateways/garage/status")).text

    assert re.findall(r'<nav id="switch".*?</nav>', bare) == [
        '<nav id="switch" aria-label="Gateways">'
        '<a href="gateways/house/?style=black&amp;units=w" aria-current="page">house</a>'
        '<a href="gateways/garage/?style=black&amp;units=w">garage</a>'
        '<a href="sites/home/?style=black&amp;units=w">Home</a></nav>'
    ]
    assert '<a href="../../sites/home/?style=black&amp;units=w" aria-current="page">' in below
    assert '<a href="../../gateways/house/status">' in status
    assert '<a href="../../sites/home/">' in status


async def test_gateways_that_report_the_same_name_are_distinguished_by_their_ids(serve, sims):
    for sim in sims.values():
        sim.gateway.site.name = "My Home"
    proxy = await serve([gateway(id_, sim) for id_, sim in sims.items()])
    for id_ in sims:
        await proxy.get(f"/gateways/{id_}/pw/site_name")

    assert re.findall(r">(My Home[^<]*)</a>", (await proxy.get("/")).text) == [
        "My Home (house)",
        "My Home (garage)",
    ]


async def test_the_page_of_a_site_has_a_line_for_each_member(fleet):
    page = (await fleet.get("/sites/home/")).text

    assert re.findall(r'<tr data-events="([^"]+)"><th scope="row">(\w+)<', page) == [
        ("../../gateways/house/flow.json", "house"),
        ("../../gateways/garage/flow.json", "garage"),
    ]
    assert "data-events" not in (await fleet.get("/gateways/house/")).text


async def test_with_one_gateway_no_page_has_a_trace_of_others(start, sim):
    proxy = await start(sim)

    for path in ("/", "/status"):
        page = (await proxy.get(path)).text
        assert 'id="switch"' not in page
        assert "switch.css" not in page
        assert "members" not in page
