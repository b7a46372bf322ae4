"""Images that cells run in: made from Debian's archive and pinned wheels, listed, locked and swept."""
