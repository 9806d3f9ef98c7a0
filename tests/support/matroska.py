"""Videos with any time stamps, without a library that writes them: JPEG frames in a Matroska file."""

import struct
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from PIL import Image


def write_matroska(
    path: Path,
    frames: Iterable[tuple[Image.Image, float]],
    *,
    codec: str = "V_MJPEG",
    duration_s: float | None = None,
    fps: int | None = None,
) -> Path:
    """Write a video.

    Args:
        path: Where to.
        frames: Pictures of one size, and when each is shown, seconds.
        codec: What the file says that its frames are.
        fps: What the file says that its rate is; None for nothing.
        duration_s: What the file says that it lasts; None for nothing, as browsers record.
    """
    frames = list(frames)
    width, height = frames[0][0].size
    video = _element("B0", _number(width)) + _element("BA", _number(height))
    track = _element("D7", b"\x01") + _element("73C5", b"\x01") + _element("83", b"\x01")
    track += _element("86", codec.encode()) + _element("E0", video)
    if fps is not None:
        track += _element("23E383", _number(round(1e9 / fps)))
    info = _element("2AD7B1", _number(1_000_000))  # time stamps in milliseconds
    if duration_s is not None:
        info += _element("4489", _float(duration_s * 1000))
    clusters = b"".join(
        _element(
            "1F43B675", _element("E7", _number(round(time_s * 1000))) + _element("A3", b"\x81\0\0\x80" + _jpeg(image))
        )
        for image, time_s in frames
    )
    head = _element("1A45DFA3", _element("4282", b"matroska") + _element("4287", b"\x04") + _element("4285", b"\x02"))
    segment = _element("1549A966", info) + _element("1654AE6B", _element("AE", track)) + clusters
    path.write_bytes(head + _element("18538067", segment))
    return path


def _jpeg(image: Image.Image) -> bytes:
    data = BytesIO()
    image.save(data, "JPEG", quality=95)
    return data.getvalue()


def _element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + (len(content) | 1 << 56).to_bytes(8, "big") + content


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def _float(value: float) -> bytes:
    return struct.pack(">d", value)
