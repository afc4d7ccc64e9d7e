"""The count of a month's requests, across restarts.

Counted before a request is sent. On disk the count runs ahead by a few requests, so that it need not
be written for each of them, and a process that is killed has never counted too little.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from proxy.core.budget import Budget, Spending
from proxy.core.cloud_errors import BudgetSpent
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.state.store import StateStore

FILE = "cloud-requests.json"
_AHEAD = 5


class Ledger:
    """Counts requests and refuses those that the budget does not admit."""

    def __init__(self, memory: StateStore, clock: Clock, budget: Budget) -> None:
        self._memory = memory
        self._clock = clock
        self._budget = budget
        self._spending = self._kept().at(clock.wall())
        self._written = self._spending
        self._writing = asyncio.Lock()

    def _kept(self) -> Spending:
        """Read the count; one that cannot be read is taken to be as planned for this time of the month."""
        try:
            return Spending.of(self._memory.read(FILE))
        except Unreadable:  # the store has logged it
            return self._budget.planned(self._clock.wall())

    async def spend(self, *, command: bool = False) -> None:
        """Count a request that is about to be sent. Raises BudgetSpent if it must not be."""
        now = self._clock.wall()
        self._spending = self._spending.at(now)
        if not self._budget.admits(self._spending, now, command=command):
            wait_s = self._budget.wait_s(self._spending, now)
            raise BudgetSpent(
                f"the budget of {self._budget.monthly} requests a month (PW_CLOUD_BUDGET) leaves none for now",
                retry_after=wait_s,
            )
        self._spending = self._spending.plus(reads=not command, commands=command)
        async with self._writing:
            if self._is_behind():
                await asyncio.to_thread(self._write, self._spending.plus(reads=_AHEAD, commands=_AHEAD))

    def stretch(self, planned_per_s: float) -> float:
        """Say by how much intervals must be longer than planned; infinite until ``wait_s`` has passed."""
        return self._budget.stretch(self._spending, self._clock.wall(), planned_per_s)

    def wait_s(self) -> float:
        """Seconds until a read is admitted."""
        return self._budget.wait_s(self._spending, self._clock.wall())

    async def close(self) -> None:
        """Write the exact count down."""
        async with self._writing:
            if self._written != self._spending:
                await asyncio.to_thread(self._write, self._spending)

    def describe(self) -> Mapping[str, Any]:
        """Say what was sent this month, what it costs at list prices (USD), and what is left for reads."""
        now = self._clock.wall()
        spent = self._spending.at(now)
        return {
            "month": spent.month,
            "reads": spent.reads,
            "commands": spent.commands,
            "budget": self._budget.monthly,
            "left": self._budget.left(spent, now),
            "list_price_usd": round(spent.cost_usd(), 2),
        }

    def _is_behind(self) -> bool:
        spent, written = self._spending, self._written
        return spent.day != written.day or spent.reads > written.reads or spent.commands > written.commands

    def _write(self, spending: Spending) -> None:
        self._memory.write(FILE, spending.document())
        self._written = spending
