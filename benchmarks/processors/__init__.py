"""The same file on processors that this machine does not have."""
