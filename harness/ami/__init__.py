"""The framework-neutral core: NumPy and the standard library only."""
