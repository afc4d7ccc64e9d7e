"""Zeroconf takes the loop's time for that of the system, so here it is."""

import asyncio


def pytest_asyncio_loop_factories(config, item):
    return {"plain": asyncio.SelectorEventLoop}
