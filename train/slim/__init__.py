"""From a finished run to the run of a network a fraction of its size."""
