"""Faults planted in environments whose files say nothing of them, and explained blind."""
