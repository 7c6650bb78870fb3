"""Business logic: everything between the routers and the values in models."""
