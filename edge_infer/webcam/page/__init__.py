"""The feed as a web page."""
