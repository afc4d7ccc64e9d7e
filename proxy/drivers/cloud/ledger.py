"""The count of a month's requests, across restarts and of all processes on one state folder.

Counted before a request is sent. Requests are taken from the disk a few at a time, so that it need not
be written for each of them: a process that is killed has counted too many and never too few. Each process
changes the count that is there and never replaces it, so that the daemon's has those of ``doctor`` and
``setup`` in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from proxy.core.budget import Budget, Spending
from proxy.core.cloud_errors import BudgetSpent
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.state.store import Document, StateStore

FILE = "cloud-requests.json"
_AT_ONCE = 6

_READS, _COMMANDS = "reads", "commands"
_Change = Callable[[Spending], Spending]


class Ledger:
    """Counts requests and refuses those that the budget does not admit."""

    def __init__(self, memory: StateStore, clock: Clock, budget: Budget) -> None:
        self._memory = memory
        self._clock = clock
        self._budget = budget
        self._on_disk = self._kept().at(clock.wall())
        self._unsent = {_READS: 0, _COMMANDS: 0}  # what the disk counts of this process beyond what it sent
        self._turn = asyncio.Lock()

    async def spend(self, *, command: bool = False) -> None:
        """Count a request that is about to be sent. Raises BudgetSpent if it must not be."""
        kind = _COMMANDS if command else _READS
        async with self._turn:
            self._forget_last_month()
            if not self._unsent[kind]:
                await self._take(kind)
            self._unsent[kind] -= 1

    def stretch(self, planned_per_s: float) -> float:
        """Say by how much intervals must be longer than planned; infinite until ``wait_s`` has passed."""
        return self._budget.stretch(self._sent, self._clock.wall(), planned_per_s)

    def wait_s(self) -> float:
        """Seconds until a read is admitted."""
        return self._budget.wait_s(self._sent, self._clock.wall())

    async def close(self) -> None:
        """Write the exact count down."""
        async with self._turn:
            self._forget_last_month()
            if any(self._unsent.values()):
                unsent, self._unsent = self._unsent, {_READS: 0, _COMMANDS: 0}
                await self._change(lambda found: found.without(**unsent))

    def describe(self) -> Mapping[str, Any]:
        """Say what was sent this month, what it costs at list prices (USD), and what is left for reads."""
        now = self._clock.wall()
        sent = self._sent.at(now)
        return {
            "month": sent.month,
            "reads": sent.reads,
            "commands": sent.commands,
            "budget": self._budget.monthly,
            "left": self._budget.left(sent, now),
            "left_today": self._budget.left_today(sent, now),
            "list_price_usd": round(sent.cost_usd(), 2),
        }

    @property
    def _sent(self) -> Spending:
        return self._on_disk.without(**self._unsent)

    def _kept(self) -> Spending:
        """Read the count; one that cannot be read is taken to be as planned for this time of the month."""
        try:
            return Spending.of(self._memory.read(FILE))
        except Unreadable:  # the store has logged it
            return self._budget.planned(self._clock.wall())

    def _forget_last_month(self) -> None:
        if self._on_disk.at(self._clock.wall()).month != self._on_disk.month:
            self._unsent = {_READS: 0, _COMMANDS: 0}

    async def _take(self, kind: str) -> None:
        """Count a few requests on the disk, as many as the budget admits. Raises BudgetSpent if it admits none."""
        taken = 0

        def more(found: Spending) -> Spending:
            nonlocal taken
            taken = 0
            while taken < _AT_ONCE and self._admits(found, kind):
                found = found.plus(**{kind: 1})
                taken += 1
            return found

        if self._admits(self._sent, kind):
            await self._change(more)
        if not taken:
            raise BudgetSpent(
                f"the budget of {self._budget.monthly} requests a month (PW_CLOUD_BUDGET) leaves none for now",
                retry_after=self.wait_s(),
            )
        self._unsent[kind] = taken

    def _admits(self, spent: Spending, kind: str) -> bool:
        return self._budget.admits(spent, self._clock.wall(), command=kind == _COMMANDS)

    async def _change(self, change: _Change) -> None:
        """Change the count on the disk; where that cannot be written, the one that this process keeps."""

        def changed(found: Spending) -> Document:
            self._on_disk = change(found.at(self._clock.wall()))
            return self._on_disk.document()

        try:
            await self._memory.commit(FILE, lambda document: changed(Spending.of(document)))
        except (OSError, Unreadable):  # the store has logged it
            await self._memory.submit(lambda: self._memory.write(FILE, changed(self._kept())))
