"""What cells and runs leave as files: records, `cell.json` and `run.json`, each described once."""
