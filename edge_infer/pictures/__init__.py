"""From what the command line names to the pixels a network is shown."""
