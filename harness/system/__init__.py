"""Files, text, documents, locks and processes: what the outside half needs of the machine."""
