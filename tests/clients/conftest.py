"""What the clients of several gateways need besides."""

from tests.fleet.conftest import serve, sims

__all__ = ["serve", "sims"]
