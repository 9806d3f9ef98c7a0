"""The live feed: speed, delay, cost, and what a long run leaves behind."""
