"""The start of a proxy with several gateways: what no client waits for is spread."""

import asyncio

from proxy.commands.greeting import report_connection
from proxy.history.database import FILE
from tests.clock import pass_time, settled
from tests.fleet.conftest import gateway


async def test_gateways_that_no_client_wants_begin_one_after_the_other(serve, sims, clock):
    """Neither the first round nor the history wants all of them at once; fifty would delay the first answer."""
    proxy = await serve([gateway(id_, sim) for id_, sim in sims.items()], history=True)
    gateways = proxy.context.gateways
    rounds = [asyncio.create_task(report_connection(each, is_named=True)) for each in gateways.values()]
    files = {id_: each.state.folder / FILE for id_, each in gateways.items()}
    await settled()

    assert sims["house"].requests
    assert not sims["garage"].requests
    assert [id_ for id_, file in files.items() if file.exists()] == ["house"]

    await pass_time(clock, proxy, 0.2)
    await asyncio.gather(*rounds)

    assert sims["garage"].requests
    assert all(file.exists() for file in files.values())


async def test_a_client_does_not_wait_for_the_turn_of_its_gateway(serve, sims):
    proxy = await serve([gateway(id_, sim) for id_, sim in sims.items()])

    assert (await proxy.get("/gateways/garage/soe")).status == 200
