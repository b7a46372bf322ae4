"""The launcher of containers."""
