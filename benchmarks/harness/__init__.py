"""What every measurement shares: what is timed, how fairly, and on which machine."""
