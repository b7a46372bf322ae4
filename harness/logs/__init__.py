"""Logs that other programs printed, made into cells."""
