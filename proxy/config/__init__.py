"""Settings, and everything that turns an environment into them."""
