"""What survives a restart: a folder of small documents, and certificates."""
