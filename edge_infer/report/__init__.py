"""A page to review answers: which are wrong, which unsure, and why."""
