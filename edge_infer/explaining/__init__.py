"""Where the network looked: each place's share of the answer."""
