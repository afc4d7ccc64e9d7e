"""A simulated energy gateway: a real TLS server in front of a house that balances."""
