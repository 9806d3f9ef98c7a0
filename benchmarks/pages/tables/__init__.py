"""Tables of the docs as Markdown, each from one kind of result."""
