"""Examples: collected from lists and folders, checked, chosen."""
