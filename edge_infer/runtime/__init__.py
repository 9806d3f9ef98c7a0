"""onnxruntime: sessions, threads, and whether this machine computes what it should."""
