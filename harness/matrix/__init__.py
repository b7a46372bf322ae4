"""Running cells together: what is asked for, campaigns, their schedule, the cache that they use."""
