"""Where cells run: a module a launcher, found by its name in `launchers`."""
