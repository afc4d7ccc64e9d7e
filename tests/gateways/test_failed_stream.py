"""An error while the page's object is made."""

from __future__ import annotations

from proxy.gateways.live import StateStream
from tests.clock import pass_time


class Site:
    """The site of a gateway, of which no state can be made while ``error`` is set."""

    def __init__(self, site) -> None:
        self._site = site
        self.error = None

    def servable(self):
        return self._site.servable()

    def of(self, snapshots):
        if self.error:
            raise self.error
        return self._site.of(snapshots)


async def test_a_stream_that_fails_ends_and_can_be_opened_again(proxy, clock, caplog):
    """A page that is open would keep its last values without a word; one that comes again has a stream."""
    gateway = proxy.context.gateway
    site = Site(gateway.site)
    stream = StateStream(gateway.cache, clock.clock, site)
    async with stream.listen() as subscriber:
        await subscriber.next()
        await pass_time(clock, proxy, 1)
        site.error = ValueError("an unexpected document")
        await pass_time(clock, proxy, 11)
        while await subscriber.next() is not None:
            pass
        assert "state stream failed" in caplog.text

        site.error = None
        async with stream.listen() as another:
            await another.next()
            await pass_time(clock, proxy, 11)
            assert await another.next() is not None
    await stream.close()
