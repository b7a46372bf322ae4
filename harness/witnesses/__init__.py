"""Making witnesses: faces with one attribute exchanged."""
