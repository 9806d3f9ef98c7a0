"""Tables, figures and help texts of README and docs; `python -m benchmarks.pages` writes them."""
