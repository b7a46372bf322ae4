"""The document that a comparison ends in: every report draws it, and nothing else."""
