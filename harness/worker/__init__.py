"""The worker: one job in, records out, inside an environment."""
