"""One link to one gateway: a driver, its breaker, the cooldowns of its paths, and its concurrency limit.

Everything here happens on the event loop, between awaits: no locks. The only
await is the driver's; the breaker is updated before and after it. A task that
runs ``fetch`` is owned by the gateway, which awaits it on close.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.core import events
from proxy.core.advice import CLOUD
from proxy.core.breaker import Breaker, Cooldown, State, cooldown_after
from proxy.core.errors import GATEWAY, BadAnswer, CircuitOpen, GatewayError, NotSupported, Scope
from proxy.core.failures import Failures
from proxy.core.histogram import Histogram
from proxy.core.model import Document, Exchange, Setting, Source
from proxy.drivers.base import Answer, Asset, AssetOrigin, Controllable, Dialable, Relays

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.core.model import Command, Outcome
    from proxy.drivers.base import Driver

_log = logging.getLogger(__name__)

# In the counts of exchanges: all writes, and all files of the web app.
_COMMAND, _FILE = Exchange("command"), Exchange("file")
_BUCKETS_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The latest attempt at an exchange: "ok", an error code or "abandoned", and its duration (s)."""

    outcome: str
    seconds: float


class Link:
    """Sends requests through a driver, while its breaker and cooldowns permit them.

    ``jitter`` returns a factor around 1 for cooldowns. With ``guarded=False`` (PW_HEALTH_CHECK=no)
    the link is opened only by what protects the owner's account: refused credentials and 429.
    """

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        *,
        max_concurrent: int,
        jitter: Callable[[], float],
        guarded: bool = True,
    ) -> None:
        self.driver = driver
        self.relay: Relays | None = None  # used instead of the driver, if set
        self.breaker = Breaker(since=clock.monotonic())
        self.exchange_cooldowns: dict[Exchange, Cooldown] = {}
        self.source_cooldowns: dict[Source, Cooldown] = {}  # missing in the reply of their exchange
        self.last_success: float | None = None
        self.in_flight = 0
        self.exchanges: Counter[tuple[Exchange, str]] = Counter()  # (exchange, outcome)
        self.seconds = Histogram(_BUCKETS_S)
        self.latest: dict[Exchange, Attempt] = {}
        self.failures = Failures()
        self.cannot_write: set[Setting] = set()  # refused by the gateway; reset when its firmware changes
        self.cooldowns: Counter[str] = Counter()
        self.served_stale = 0  # requests answered from stale snapshots since the link is down
        self._clock = clock
        self._jitter = jitter
        self._guarded = guarded
        self.peer = CLOUD if driver.name == CLOUD else GATEWAY
        self._down_since: float | None = None
        self._slots = asyncio.Semaphore(max(max_concurrent, 1))

    def has(self, source: Source) -> bool:
        """Say whether the driver supports a source."""
        return source in self.driver.sources

    def refusal(self, exchange: Exchange, now: float) -> GatewayError | None:
        """Say why an exchange would not be sent now; None when it would be."""
        cooldown = self.exchange_cooldowns.get(exchange)
        if cooldown and (error := cooldown.refusal(now)):
            return error
        if not self.breaker.permits(now, command=exchange == _COMMAND):
            # A trial in progress ends soon: suggest a retry in a second.
            left = self.breaker.until - now if self.breaker.state is State.OPEN else 1.0
            return self.named(CircuitOpen(self._reason(), retry_after=left))
        return None

    def cooldown_error(self, source: Source, now: float) -> GatewayError | None:
        """Say why a source is in cooldown, though its exchange may be sent for others."""
        cooldown = self.source_cooldowns.get(source)
        return cooldown.refusal(now) if cooldown else None

    def is_in_cooldown(self, source: Source, now: float) -> bool:
        """Say whether a source, or the exchange that reports it, is in cooldown."""
        exchange = self.driver.sources[source]
        found = (self.source_cooldowns.get(source), self.exchange_cooldowns.get(exchange))
        return any(cooldown and not cooldown.permits(now) for cooldown in found)

    @property
    def path_cooldowns(self) -> dict[str, Cooldown]:
        """The cooldowns of exchanges and sources by name; where both have one name, the longer."""
        cooldowns = {str(exchange): known for exchange, known in self.exchange_cooldowns.items()}
        for source, known in self.source_cooldowns.items():
            if source not in cooldowns or known.until > cooldowns[source].until:
                cooldowns[source] = known
        return cooldowns

    def set_aside(self, source: Source, error: GatewayError, until: float) -> None:
        """Put a source into cooldown until a time (monotonic seconds), because its answer was unusable."""
        before = self.source_cooldowns.get(source)
        self.source_cooldowns[source] = Cooldown(until, (before.failures if before else 0) + 1, error)

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document]:
        """Run one exchange, update the breaker and cooldowns, return the documents. Raises GatewayError."""
        async with self._attempt(exchange, self._failed):
            with self._measured(exchange):
                answer = await self._request_fetch(exchange)
        return self._documents(answer)

    @asynccontextmanager
    async def _attempt(
        self, exchange: Exchange, failed: Callable[[Exchange, GatewayError, float], None]
    ) -> AsyncIterator[None]:
        """Wait for a slot and send, if the breaker permits; report begin and outcome to the breaker.

        ``failed`` is called with the exchange, its error and the time. Raises GatewayError.
        """
        async with self._slots:
            now = self._clock.monotonic()
            if refusal := self.refusal(exchange, now):
                raise refusal
            self._note(self.breaker.begin(now))
            try:
                yield
            except GatewayError as error:
                failed(exchange, self.named(error), self._clock.monotonic())
                raise
            except BaseException:
                self._note(self.breaker.abandoned(self._clock.monotonic()))
                raise
            self._succeeded(exchange, self._clock.monotonic())

    @contextmanager
    def _measured(self, exchange: Exchange) -> Iterator[None]:
        """Count an exchange while it is in progress, and record its outcome and duration."""
        started, outcome = self._clock.monotonic(), "abandoned"
        self.in_flight += 1
        try:
            yield
            outcome = "ok"
        except GatewayError as error:
            outcome = error.code()
            raise
        finally:
            self.in_flight -= 1
            took = self._clock.monotonic() - started
            self.seconds.add(took)
            self.latest[exchange] = Attempt(outcome, took)

    async def _request_fetch(self, exchange: Exchange) -> Answer:
        """Call the driver. Any error other than GatewayError is a bug in it, triggered by an unexpected answer."""
        try:
            return await (self.relay or self.driver).fetch(exchange)
        except GatewayError:
            raise
        except Exception as exc:
            _log.exception("driver failed", extra={"link": self.driver.name, "path": exchange})
            raise BadAnswer(f"{exchange}: the answer could not be understood") from exc

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[Asset]:
        """Read a file of the gateway's web app. Only failures of the gateway as a whole affect the breaker."""
        if not isinstance(self.driver, AssetOrigin):
            raise NotSupported("this gateway has no web app")
        if not self.breaker.is_closed:
            left = max(self.breaker.until - self._clock.monotonic(), 1.0)
            raise CircuitOpen(self._reason(), retry_after=left)
        try:
            async with self.driver.stream(path, headers) as asset:
                yield asset
        except GatewayError as error:
            if error.scope is Scope.LINK:
                self._failed(_FILE, error, self._clock.monotonic())
            raise

    async def execute(self, command: Command) -> Outcome:
        """Send a command once, without retries, unless the gateway is in cooldown. Raises GatewayError."""
        if not isinstance(self.driver, Controllable):
            raise NotSupported(f"the {self.driver.name} connection cannot write")
        async with self._attempt(_COMMAND, self._refused):
            return await (self.relay or self.driver).execute(command)

    def _refused(self, command: Exchange, error: GatewayError, now: float) -> None:
        """Record a failed command: it may put the gateway into cooldown, but not a path."""
        self.exchanges[command, error.code()] += 1
        cause = error.__cause__ if isinstance(error.__cause__, GatewayError) else error
        self._note_failure(command, cause, now)

    async def accepts_connections(self) -> bool:
        """Try to connect to a gateway that was unreachable; on success, permit an immediate attempt."""
        dialable = self.relay or self.driver
        if not isinstance(dialable, Dialable) or not await dialable.accepts_connections():
            return False
        if accepted := self.breaker.awaits_connection:
            self.breaker = self.breaker.expedited(self._clock.monotonic())
        return accepted

    def accept(self, exchange: Exchange, answer: Answer) -> dict[Source, Document]:
        """Record an answer that another process received over this link, and return its documents."""
        now = self._clock.monotonic()
        self.exchange_cooldowns.pop(exchange, None)
        if not self.breaker.is_closed:
            self._note(self.breaker.expedited(now).begin(now).success(now))
        return self._documents(answer)

    def forget_missing(self) -> None:
        """Request again what the gateway did not offer: its firmware may have changed."""
        self._keep_cooldowns(lambda error: error.is_failure)
        self.cannot_write.clear()

    def _keep_cooldowns(self, is_kept: Callable[[GatewayError], bool]) -> None:
        self.exchange_cooldowns = {k: v for k, v in self.exchange_cooldowns.items() if is_kept(v.error)}
        self.source_cooldowns = {k: v for k, v in self.source_cooldowns.items() if is_kept(v.error)}

    def _reason(self) -> str:
        error = self.breaker.error
        return f"{error.headline}: {error}" if error else f"the {self.peer} is being tried"

    def named(self, error: GatewayError) -> GatewayError:
        """Set in an error whether the gateway or the cloud failed."""
        error.peer = self.peer
        return error

    def _succeeded(self, exchange: Exchange, now: float) -> None:
        self.exchanges[exchange, "ok"] += 1
        self.last_success = now
        if cooldown := self.exchange_cooldowns.pop(exchange, None):
            _log.info(events.SOURCE_RECOVERED, extra={"path": exchange, "tries": cooldown.failures})
        self._note(self.breaker.success(now))

    def _documents(self, answer: Answer) -> dict[Source, Document]:
        """Return the documents of an answer; put sources that are missing in it into cooldown."""
        now = self._clock.monotonic()
        documents = {}
        for source, found in answer.items():
            before = self.source_cooldowns.pop(source, None)
            if isinstance(found, Document):
                documents[source] = found
            else:
                cooldown = cooldown_after(before, self.named(found), now, self._jitter())
                self.source_cooldowns[source] = cooldown
        return documents

    def _failed(self, exchange: Exchange, error: GatewayError, now: float) -> None:
        self.exchanges[exchange, error.code()] += 1
        if error.is_failure:
            self.failures.note(exchange, error, now)
        if error.scope in {Scope.PATH, Scope.SOURCE}:
            before = self.exchange_cooldowns.get(exchange)
            self.exchange_cooldowns[exchange] = cooldown_after(before, error, now, self._jitter())
            if before is None or type(before.error) is not type(error):
                fields = {"path": exchange, "cause": error.code(), "reason": str(error)}
                _log.info(events.SOURCE_COOLDOWN, extra=fields)
        self._note_failure(exchange, error, now)

    def _note_failure(self, path: Exchange, error: GatewayError, now: float) -> None:
        # Any result decides a trial of an open link.
        if self._guarded or error.guards_account or not self.breaker.is_closed:
            self._note(self.breaker.failure(now, error, path, self._jitter()))

    def _note(self, breaker: Breaker) -> None:
        before, self.breaker = self.breaker, breaker
        if before.state is breaker.state:
            return
        if breaker.state is State.OPEN:
            cause = breaker.error.code() if breaker.error else "unknown"
            self.cooldowns[cause] += 1
            if self._down_since is None:
                self._down_since = breaker.since
                fields = {"link": self.driver.name, "cause": cause, "reason": str(breaker.error)}
                _log.warning(events.UNREACHABLE, extra=fields)
        elif breaker.state is State.CLOSED:
            # The gateway may have another firmware now: forget what it did not support.
            self._keep_cooldowns(lambda error: error.outlives_outage)
            seconds = round(breaker.since - (self._down_since or breaker.since))
            counts = {"link": self.driver.name, "after_s": seconds, "served_stale": self.served_stale}
            _log.warning(events.RECOVERED, extra=counts)
            self._down_since, self.served_stale = None, 0
