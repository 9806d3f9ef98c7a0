"""A page to look answers over: which are wrong, which unsure, and why."""
