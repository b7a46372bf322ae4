"""One summary, drawn in several ways."""
