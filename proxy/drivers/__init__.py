"""One module per dialect that a gateway speaks; only these talk to gateways."""
