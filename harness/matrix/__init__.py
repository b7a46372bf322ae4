"""Planning and launching cells: environments, keys, virtual environments, workers, the store."""
