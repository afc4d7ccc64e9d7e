"""Pages for people, and the files they need."""
