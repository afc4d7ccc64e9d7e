"""What leaves the daemon by itself: logs and metrics."""
