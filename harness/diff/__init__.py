"""What differs between cells."""
