"""Is an explanation complete, does it find what changes the answer, and what does it cost?"""
