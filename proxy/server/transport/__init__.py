"""Connections: listeners, limits, TLS, the fast path."""
