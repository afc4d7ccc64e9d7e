"""What survives a restart, in a folder for each gateway."""
