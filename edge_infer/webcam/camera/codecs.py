"""Which codec a video is coded with, for the message that OpenCV has no decoder for it."""

import re
import shlex
from pathlib import Path

# FFmpeg reads these only with libraries or devices that OpenCV's wheels come without.
LACKING = {"av01": "AV1"}
_NAMES = LACKING | {
    "avc1": "H.264",
    "avc3": "H.264",
    "h264": "H.264",
    "hevc": "HEVC",
    "hev1": "HEVC",
    "hvc1": "HEVC",
    "dvh1": "HEVC with Dolby Vision",
    "dvhe": "HEVC with Dolby Vision",
    "vvc1": "VVC",
    "vvi1": "VVC",
    "evc1": "EVC",
    "vp80": "VP8",
    "vp90": "VP9",
    "vp08": "VP8",
    "vp09": "VP9",
    "mjpg": "MJPEG",
    "mp4v": "MPEG-4",
    "apco": "ProRes",
    "apcs": "ProRes",
    "apcn": "ProRes",
    "apch": "ProRes",
    "ap4h": "ProRes",
    "ap4x": "ProRes",
    "aprn": "ProRes RAW",
    "aprh": "ProRes RAW",
    "cfhd": "CineForm",
    "avdn": "DNxHD",
}
_IN_MATROSKA = {
    "V_AV1": "av01",
    "V_MPEGH/ISO/HEVC": "hevc",
    "V_MPEGI/ISO/VVC": "vvc1",
    "V_MPEG4/ISO/AVC": "avc1",
    "V_PRORES": "apch",
    "V_VP8": "vp80",
    "V_VP9": "vp90",
}
_LOOKED_AT_BYTES = 4 << 20  # of either end of a file: containers describe what they hold there


def codec_trouble(name: str, fourcc: str) -> str:
    """Return what to say of a video that OpenCV gets no frame from.

    Args:
        name: The video.
        fourcc: What its container names the codec by, mostly four letters.
    """
    called = _NAMES.get(fourcc.lower())
    codec = f"{called} ({fourcc})" if called else repr(fourcc)
    cause = f"{name} is coded as {codec}, which this OpenCV cannot decode"
    if fourcc.lower() not in LACKING:
        cause = f"{name} gives no frame: this OpenCV cannot decode its codec, {codec}, or it is damaged or cut off"
    target = shlex.quote(f"{Path(name).stem}-h264.mp4")
    return f"{cause}; re-encode it: ffmpeg -i {shlex.quote(name)} -c:v libx264 -pix_fmt yuv420p {target}"


def fourcc_text(number: float) -> str:
    """Return what OpenCV's CAP_PROP_FOURCC spells; empty if it spells nothing."""
    text = (int(number) & 0xFFFFFFFF).to_bytes(4, "little").decode("ascii", "replace").strip(" \0")
    return text if text.isascii() and text.isprintable() else ""


def find_fourcc(path: str) -> str:
    """Return the codec that an MP4, MOV, MKV or WebM file names, without OpenCV, which could not open it.

    Returns:
        As in `fourcc_text`; empty for other files.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LOOKED_AT_BYTES)
            file.seek(max(len(data), file.seek(0, 2) - _LOOKED_AT_BYTES))
            data += file.read(_LOOKED_AT_BYTES)
    except OSError:
        return ""
    if data[4:8] == b"ftyp":
        return _in_mp4(data)
    if data[:4] == b"\x1aE\xdf\xa3":
        name = re.search(rb"V_[A-Z0-9_/]{2,30}", data)
        return _IN_MATROSKA.get(name[0].decode(), name[0].decode()) if name else ""
    return ""


def _in_mp4(data: bytes) -> str:
    """Return the first entry of the sample description that belongs to a video track."""
    handler = data.find(b"hdlr")
    while handler >= 0 and data[handler + 12 : handler + 16] != b"vide":
        handler = data.find(b"hdlr", handler + 4)
    descriptions = data.find(b"stsd", handler)
    if handler < 0 or descriptions < 0:
        return ""
    return fourcc_text(int.from_bytes(data[descriptions + 16 : descriptions + 20], "little"))
