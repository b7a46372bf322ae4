"""What is to run: environments, the register of what is expected, cells and their keys, the store."""
