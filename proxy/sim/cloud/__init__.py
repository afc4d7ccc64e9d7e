"""A simulated cloud: sign-in, products and energy sites, as Tesla's servers answer for the house of a simulated gateway."""
