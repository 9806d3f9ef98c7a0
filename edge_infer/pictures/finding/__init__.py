"""Which pictures are meant: paths, folders, patterns, lists."""
