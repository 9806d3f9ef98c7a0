"""Tables and figures of the docs, from the kept results."""
