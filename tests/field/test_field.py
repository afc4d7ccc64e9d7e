"""Sites and programs that owners have reported: what each gets from the proxy."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.field.cases import Case, folders
from tests.field.steps import Site

# Cases that do not pass yet, with what is in the way.
PENDING: dict[str, str] = {}


def marked(folder):
    reason = PENDING.get(folder.name)
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(folder, id=folder.name, marks=marks)


@pytest.mark.parametrize("folder", [marked(folder) for folder in folders()])
async def test_a_reported_case_is_answered_as_its_folder_says(folder, clock, key, tmp_path):
    case = Case.read(folder)
    async with AsyncExitStack() as stack:
        site = Site(case, clock, key, tmp_path, stack)
        await site.start()

        for number, step in enumerate(case.steps, 1):
            try:
                await site.run(step)
            except Exception as error:
                error.add_note(f"step {number} of {folder.name}: {step}")
                raise


def test_every_pending_case_exists():
    assert PENDING.keys() <= {folder.name for folder in folders()}
