"""One link to one gateway: a driver, its breaker, the cooldowns of its paths, a limit of requests at once.

Everything here happens on the event loop, between awaits: no locks. The only
await is the driver's; what the breaker learns is noted before it and after it.
A task that runs ``fetch`` is owned by the gateway, which awaits it on close.
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

# They stand for every write and for every file of the web app in the counts of exchanges.
_COMMAND, _FILE = Exchange("command"), Exchange("file")
_BUCKETS_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The latest try of an exchange: "ok", the code of its error or "abandoned", and how long (s) it took."""

    outcome: str
    seconds: float


class Link:
    """A driver that gets a request only while one may be sent.

    ``jitter`` returns a factor around 1 for cooldowns. With ``guarded=False`` (PW_HEALTH_CHECK=no)
    only what guards the owner's account opens the link: refused credentials and 429.
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
        self.relay: Relays | None = None  # stands before the driver, if there is one
        self.breaker = Breaker(since=clock.monotonic())
        self.exchange_cooldowns: dict[Exchange, Cooldown] = {}
        self.source_cooldowns: dict[Source, Cooldown] = {}  # what an exchange ought to have reported
        self.last_success: float | None = None
        self.in_flight = 0
        self.exchanges: Counter[tuple[Exchange, str]] = Counter()  # (exchange, outcome)
        self.seconds = Histogram(_BUCKETS_S)
        self.latest: dict[Exchange, Attempt] = {}
        self.failures = Failures()
        self.cannot_write: set[Setting] = set()  # refused once; until the firmware changes
        self.cooldowns: Counter[str] = Counter()
        self.served_stale = 0  # requests answered from stale snapshots since the link is down
        self._clock = clock
        self._jitter = jitter
        self._guarded = guarded
        self.peer = CLOUD if driver.name == CLOUD else GATEWAY
        self._down_since: float | None = None
        self._slots = asyncio.Semaphore(max(max_concurrent, 1))

    def has(self, source: Source) -> bool:
        """Say whether this link has a source at all."""
        return source in self.driver.sources

    def refusal(self, exchange: Exchange, now: float) -> GatewayError | None:
        """Say why an exchange would not be sent now; None when it would be."""
        cooldown = self.exchange_cooldowns.get(exchange)
        if cooldown and (error := cooldown.refusal(now)):
            return error
        if not self.breaker.permits(now, command=exchange == _COMMAND):
            # A trial under way is decided soon; until then "come back in a second".
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
        """Send no request for a source until a moment (monotonic seconds): its answer is of no use."""
        before = self.source_cooldowns.get(source)
        self.source_cooldowns[source] = Cooldown(until, (before.failures if before else 0) + 1, error)

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document]:
        """Run one exchange, learn from its outcome, return the documents. Raises GatewayError."""
        async with self._attempt(exchange, self._failed):
            with self._measured(exchange):
                answer = await self._request_fetch(exchange)
        return self._documents(answer)

    @asynccontextmanager
    async def _attempt(
        self, exchange: Exchange, failed: Callable[[Exchange, GatewayError, float], None]
    ) -> AsyncIterator[None]:
        """Send something in its turn, if it may be sent: the breaker learns of its begin and its end.

        ``failed`` is given the exchange, its error and the time. Raises GatewayError.
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
        """Count an exchange while it is under way, and note how it ended and how long it took."""
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
        """Call the driver. Any other error than a GatewayError is a bug of it, met by an unexpected answer."""
        try:
            return await (self.relay or self.driver).fetch(exchange)
        except GatewayError:
            raise
        except Exception as exc:
            _log.exception("driver failed", extra={"link": self.driver.name, "path": exchange})
            raise BadAnswer(f"{exchange}: the answer could not be understood") from exc

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[Asset]:
        """Read a file of the gateway's web app. Only what concerns the gateway as a whole is learnt from it."""
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
        """Send a command once, unless the gateway is in cooldown; never again by itself. Raises GatewayError."""
        if not isinstance(self.driver, Controllable):
            raise NotSupported(f"the {self.driver.name} connection cannot write")
        async with self._attempt(_COMMAND, self._refused):
            return await (self.relay or self.driver).execute(command)

    def _refused(self, command: Exchange, error: GatewayError, now: float) -> None:
        """Learn from a failed command: it may put the gateway into cooldown, but no path."""
        self.exchanges[command, error.code()] += 1
        cause = error.__cause__ if isinstance(error.__cause__, GatewayError) else error
        self._note_failure(command, cause, now)

    async def accepts_connections(self) -> bool:
        """Find out whether a link whose gateway was unreachable could reach it now; it may be tried at once if so."""
        dialable = self.relay or self.driver
        if not isinstance(dialable, Dialable) or not await dialable.accepts_connections():
            return False
        if accepted := self.breaker.awaits_connection:
            self.breaker = self.breaker.expedited(self._clock.monotonic())
        return accepted

    def accept(self, exchange: Exchange, answer: Answer) -> dict[Source, Document]:
        """Learn from an answer that another process got over this link, and return its documents."""
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
        """Note in an error who failed."""
        error.peer = self.peer
        return error

    def _succeeded(self, exchange: Exchange, now: float) -> None:
        self.exchanges[exchange, "ok"] += 1
        self.last_success = now
        if cooldown := self.exchange_cooldowns.pop(exchange, None):
            _log.info(events.SOURCE_RECOVERED, extra={"path": exchange, "tries": cooldown.failures})
        self._note(self.breaker.success(now))

    def _documents(self, answer: Answer) -> dict[Source, Document]:
        """Take the documents out of an answer; a source that is missing in it goes into cooldown."""
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
        # A trial of an open link is decided by whatever comes of it.
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
            # A gateway may come back with another firmware: nothing is known to be missing.
            self._keep_cooldowns(lambda error: error.outlives_outage)
            seconds = round(breaker.since - (self._down_since or breaker.since))
            counts = {"link": self.driver.name, "after_s": seconds, "served_stale": self.served_stale}
            _log.warning(events.RECOVERED, extra=counts)
            self._down_since, self.served_stale = None, 0
