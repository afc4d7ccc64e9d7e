"""The caching core: freshness, coalescing, cooldown. Knows protocols, never a concrete driver."""
