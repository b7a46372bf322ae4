"""Why cells differ: causes, each with its proof."""
