"""Cases, rates and statistics."""
