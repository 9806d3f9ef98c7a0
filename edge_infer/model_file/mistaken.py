"""Name the files that people give in place of a model, by how they begin; nothing in them is opened."""

HEAD_BYTES = 512  # a zip archive names its first file there

_SPACE = b" \t\r\n\xef\xbb\xbf"
_WEB_PAGE = "a web page: download the file itself"
PYTORCH = "a PyTorch file: only models of Keras are exported"
KERAS = "a Keras model: python -m export from-keras makes an .onnx file of it"
_PREFIXES = {
    b"version https://git-lfs.github.com/": "a Git LFS pointer, not the file itself: fetch it with git lfs pull",
    b"<!doctype html": _WEB_PAGE,
    b"<html": _WEB_PAGE,
    b"<!--": _WEB_PAGE,
    b"<?xml": _WEB_PAGE,
    b"\x89hdf\r\n": KERAS,
    b"\x80\2\x8a\nl\xfc\x9cf\xf9 j\xa8p\x19.": PYTORCH,  # before its version 1.6; since then, a zip archive
}
_OF_KERAS = (b"metadata.json", b"config.json", b"model.weights.h5")


def mistaken_for_model(head: bytes) -> str | None:
    """Return what a file is instead of a model and what to do, to go behind "FILE is"; None if that is not known.

    Args:
        head: Its first bytes, `HEAD_BYTES` or more.
    """
    start = head[:HEAD_BYTES].lower()
    if start[4:8] == b"tfl3":
        return "a TensorFlow Lite model: give the Keras model that it was made of to python -m export from-keras"
    if start.startswith(b"pk\3\4"):
        first = start[30 : 30 + int.from_bytes(head[26:28], "little")]  # the name of a zip archive's first file
        return PYTORCH if first.endswith(b"/data.pkl") else KERAS if first in _OF_KERAS else None
    text = start.lstrip(_SPACE)
    return next((what for prefix, what in _PREFIXES.items() if text.startswith(prefix)), None)
