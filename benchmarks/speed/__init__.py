"""How long answers take, from a process of its own to a folder of 10,000 photos."""
