"""Tesla's cloud as a driver: the Owner API, the Fleet API, and providers with the same endpoints."""
