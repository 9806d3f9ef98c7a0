"""One network in each runtime that a user might pick."""
