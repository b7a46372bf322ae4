"""What everything is built on: networks, examples, pictures, documents, text. NumPy and no framework."""
