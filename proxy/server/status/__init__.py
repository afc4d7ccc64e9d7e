"""/health, /ready, /stats."""
