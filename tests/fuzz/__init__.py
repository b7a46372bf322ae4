"""Damaged and hostile documents for every reader: each is read, or refused by name, within bounds."""
