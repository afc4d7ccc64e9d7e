"""Sites and programs that owners have reported: what each gets from the proxy."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.field.cases import Case, folders
from tests.field.steps import Site


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
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
