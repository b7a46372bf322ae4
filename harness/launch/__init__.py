"""Where cells run: in virtual environments here, or in containers."""
