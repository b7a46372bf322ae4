"""The report that people look at: one HTML file that works from disk."""
