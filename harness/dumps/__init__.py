"""Activations that other programs dumped: read, and tied to the values that they are."""
