"""The driver: ``live_status`` and ``site_info`` answer every source that the cloud has.

Each endpoint has an interval, stretched as the month's budget demands, and is fetched once in it
however often the driver is called: in between, the last answer is given again with its age. Powers
are as old as the cloud's own timestamp says. Requests go out one at a time.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, tzinfo
from typing import TYPE_CHECKING, Any

from proxy.config.gateway_settings import OWNER
from proxy.core.cloud_errors import BudgetSpent
from proxy.core.errors import CommandRejected, GatewayError, OutcomeUnknown, SourceUnavailable
from proxy.core.model import Command, Document, Exchange, Outcome, Setting, Source
from proxy.drivers.base import PastInterval, Usage
from proxy.drivers.cloud import commands, mapping, past
from proxy.drivers.cloud.documents import BATTERY, INFO, LIVE, TIME, Held, documents, tables
from proxy.drivers.cloud.history import entries
from proxy.drivers.cloud.intervals import Intervals, shown
from proxy.drivers.cloud.mapping import Reported
from proxy.drivers.cloud.meter import HISTORY
from proxy.drivers.cloud.refusals import age_of

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.core.freshness import Policy
    from proxy.drivers.cloud.api import CloudApi
    from proxy.drivers.cloud.energies import SiteEnergies
    from proxy.drivers.cloud.http import CloudHttp
    from proxy.drivers.cloud.ledger import Ledger
    from proxy.drivers.cloud.site import SiteEndpoints

# Intervals that are this much longer than planned are worth mentioning.
_NOTABLE = 1.05
# A setting shows in site_info after about ten seconds; it is looked for so often, and for so long.
_CONFIRM_EVERY_S = 10.0
_CONFIRM_FOR_S = 120.0
# A site id that went stale shows as a failing site_info; the account is looked at after this many.
_STALE_ID_FAILURES = 3
_COUNTER = 64  # the app numbers its requests for live_status from 1 to this


class CloudDriver:
    """Reads and writes one site in the cloud.

    ``mode`` is fleet, owner or static; requests of the Owner API for live_status are numbered, as the app does.
    ``excluded`` are the sources that are left to other links; ``serves_stale`` permits answers past their interval.
    """

    name = "cloud"
    settings: frozenset[Setting] = commands.SETTINGS

    def __init__(
        self,
        http: CloudHttp,
        api: CloudApi,
        site: SiteEndpoints,
        ledger: Ledger,
        clock: Clock,
        *,
        mode: str = "fleet",
        intervals: Intervals | None = None,
        energies: SiteEnergies,
        excluded: frozenset[Source] = frozenset(),
        serves_stale: bool = True,
    ) -> None:
        self.mode = mode
        self._tables = {
            endpoint: {source: build for source, build in table.items() if source not in excluded}
            for endpoint, table in tables(mode).items()
        }
        self.sources: Mapping[Source, Exchange] = {
            source: endpoint for endpoint, table in self._tables.items() for source in table
        }
        self._http = http
        self._api = api
        self._site = site
        self._ledger = ledger
        self._clock = clock
        self._intervals = intervals or Intervals()
        self._energies = energies
        self._serves_stale = serves_stale
        self._live: Held | None = None
        self._info: Held | None = None
        self._on_request: dict[
            Exchange, Held
        ] = {}  # answers of endpoints that serve those who read them alone
        self._history_at: float | None = None
        self._info_failures = 0
        self._awaited: dict[Setting, Any] = {}
        self._written_at = -math.inf
        self._turn = asyncio.Lock()
        self.counter = 0  # requests for live_status, modulo 64

    def policy(self, source: Source) -> Policy:
        """Return the lifetimes of a source: fresh for its interval, as that is stretched now, then stale up to the limit."""
        name = self.sources.get(source, INFO)
        ttl = self._interval(name)
        if math.isinf(ttl):  # nothing is requested: what there is expires as planned
            ttl = self._intervals.planned(name)
        return self._intervals.policy(name, ttl, serves_stale=self._serves_stale)

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document | GatewayError]:
        """Read an endpoint if its interval is over; else give the last answer again, with its age."""
        async with self._turn:
            if exchange == INFO:
                self._info = await self._fresh_info()
                return self._documents(INFO, self._info)
            if exchange in {BATTERY, TIME}:
                return self._documents(exchange, await self._fresh_on_request(exchange))
            self._live = await self._fresh_live()
            renewed = await self._refresh_info_beside()
            await self._refresh_history_beside()
            answer = self._documents(LIVE, self._live)
            return answer | self._documents(INFO, self._info) if self._info and renewed else answer

    async def execute(self, command: Command) -> Outcome:
        """Send each setting once. The site has it some seconds later: the outcome is accepted, not confirmed."""
        bodies = commands.requests(command)
        done: list[str] = []
        async with self._turn:
            for endpoint, body in bodies.items():
                try:
                    commands.check(endpoint, await self._site.post(endpoint, body))
                except OutcomeUnknown:
                    self._written_at = self._clock.monotonic()
                    raise
                except GatewayError as error:
                    if done:
                        raise CommandRejected(f"{error} (but {' and '.join(done)} was accepted)") from error
                    raise
                self._written_at = self._clock.monotonic()
                done.append(endpoint)
            self._awaited |= command.values
        before = commands.held(self._info.value) if self._info else {}
        known = {setting: before[setting] for setting in command.values if setting in before}
        return Outcome(command.values, known, confirmed=False)

    async def past_day(self, day: date, zone: tzinfo) -> Sequence[PastInterval]:
        """Return a day of the site's energy history, for one request."""
        async with self._turn:
            self._info = await self._fresh_info()
            answer = await self._site.get(
                HISTORY, past.day_query(day, zone), fits=lambda value: entries(value) is not None
            )
            return past.intervals(answer.value, day, zone, self._info.value)

    async def first_day(self, zone: tzinfo) -> date | None:
        """Return the day on which the site was installed."""
        async with self._turn:
            self._info = await self._fresh_info()
            return past.installed(self._info.value, zone)

    def forget_answers(self) -> None:
        """Fetch the settings before they are served again, however fresh they are."""
        self._written_at = self._clock.monotonic()

    async def close(self) -> None:
        """Write counts down and close the connections."""
        await self._ledger.close()
        await self._energies.close()
        await self._http.close()

    def usage(self) -> Usage:
        """Say what was counted."""
        return self._http.usage()

    def requests_this_month(self) -> Mapping[str, Any]:
        """Say what was sent this month, and what may be."""
        return {**self._ledger.describe(), "stretch": shown(self._stretch)}

    def describe(self) -> Mapping[str, Any]:
        """Say how the connection is and what the month's requests are."""
        return {
            **self._api.describe(),
            "mode": self.mode,
            "site_id": self._site.site_id,
            "counter": self.counter,
            "interval_s": shown(self._interval(LIVE)),
            "is_stretched": self._interval(LIVE) > _NOTABLE * self._intervals.live_s,
            "info_interval_s": shown(self._interval(INFO)),
            "requests": self.requests_this_month(),
            "unconfirmed": sorted(setting.value for setting in self._awaited),
            "energy": self._energies.describe(),
        }

    # -- endpoints -------------------------------------------------------------------------------

    @property
    def _stretch(self) -> float:
        return self._ledger.stretch(self._intervals.per_s(history=self._energies.reads_history))

    def _interval(self, name: str) -> float:
        stretch = self._stretch
        if name == INFO and self._awaited and not math.isinf(stretch):
            return _CONFIRM_EVERY_S  # a dozen requests after a command, whatever the budget
        return self._intervals.planned(name) * stretch

    def _is_due(self, name: str, at: float | None) -> bool:
        return at is None or self._clock.monotonic() - at >= self._interval(name)

    async def _fresh_live(self) -> Held:
        if self._live is not None and not self._is_due(LIVE, self._live.at):
            return self._live
        self._check_budget()
        self.counter = (self.counter + 1) % _COUNTER
        query = {"counter": str(self.counter + 1), "language": "en"} if self.mode == OWNER else None
        requested_at = self._clock.monotonic()
        fetched = await self._site.get(LIVE, query, fits=mapping.has_powers)
        now = self._clock.monotonic()
        # RFC 9111 section 4.2.3: the age when it was sent, and all the time that the request took.
        live = Held(
            fetched.value, now, age_of(fetched.value.get("timestamp"), fetched.sent_at) + (now - requested_at)
        )
        await self._energies.count(self._site.site_id, mapping.powers(live.value), live.observed_at)
        return live

    async def _fresh_on_request(self, endpoint: Exchange) -> Held:
        """Fetch what is requested for its readers, and for nothing else; nothing of a battery where there is none."""
        known = self._on_request.get(endpoint)
        if known is not None and not self._is_due(endpoint, known.at):
            return known
        if endpoint == TIME:
            self._info = await self._fresh_info()
            if not self._reported.has_battery:
                return Held({}, self._clock.monotonic())
        held = await self._read(endpoint, lambda value: isinstance(value, dict) and bool(value))
        self._on_request[endpoint] = held
        return held

    async def _fresh_info(self) -> Held:
        known = self._info
        is_outdated = known is not None and known.at < self._written_at
        if known is not None and not is_outdated and not self._is_due(INFO, known.at):
            return known
        try:
            info = await self._read(INFO, lambda value: isinstance(value, dict) and mapping.has_site(value))
        except SourceUnavailable:
            self._info_failures += 1
            if self._info_failures == _STALE_ID_FAILURES:
                await self._site.find_again()
            raise
        self._info_failures = 0
        self._site.gateway_id = self._site.gateway_id or info.value.get("id")
        self._note_confirmed(commands.held(info.value))
        return info

    async def _read(self, endpoint: Exchange, fits: Callable[[Any], bool]) -> Held:
        """Read an endpoint whose values were true when they were requested."""
        self._check_budget()
        requested_at = self._clock.monotonic()
        fetched = await self._site.get(endpoint, fits=fits)
        now = self._clock.monotonic()
        return Held(fetched.value, now, now - requested_at)

    def _note_confirmed(self, shown: Mapping[Setting, Any]) -> None:
        """Stop looking for settings that show, and for those that did not show in time."""
        waited_s = self._clock.monotonic() - self._written_at
        self._awaited = {
            setting: value
            for setting, value in self._awaited.items()
            if shown.get(setting) != value and waited_s < _CONFIRM_FOR_S
        }

    async def _refresh_info_beside(self) -> bool:
        """Fetch the site's settings along with its powers when they have grown old; say whether they are new."""
        before = self._info
        try:
            self._info = await self._fresh_info()
        except GatewayError:
            return False  # who fetches them alone gets the reason
        return self._info is not before

    async def _refresh_history_beside(self) -> None:
        if self._energies.reads_history and self._info and self._is_due(HISTORY, self._history_at):
            self._history_at = self._clock.monotonic()
            await self._energies.update(self._info.value)

    def _check_budget(self) -> None:
        if math.isinf(self._interval(LIVE)):
            raise BudgetSpent(
                "the month's requests to the cloud are used up for now (PW_CLOUD_BUDGET)",
                retry_after=self._ledger.wait_s(),
            )

    @property
    def _reported(self) -> Reported:
        held = (self._live, self._info, *map(self._on_request.get, (BATTERY, TIME)))
        live, info, battery, time = (known.value if known else {} for known in held)
        return Reported(live, info, self._energies.counters, battery, time)

    def _documents(self, endpoint: Exchange, answer: Held) -> dict[Source, Document | GatewayError]:
        """Make the documents of an endpoint's sources of its answer and what else is known."""
        return documents(self._tables[endpoint], self._reported, answer, self._energies.origin)
