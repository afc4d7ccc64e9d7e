"""Push: server-sent events."""
