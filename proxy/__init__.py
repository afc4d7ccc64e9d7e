"""Powerwall Proxy: a caching reverse proxy for the Tesla energy gateway."""

__version__ = "1.0.0"
