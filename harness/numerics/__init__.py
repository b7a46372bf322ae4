"""Last bits: in which order environments add up, and where their values part."""
