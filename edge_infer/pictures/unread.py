"""Name the pictures that this tool does not read, so that they are left out with a word.

A phone's HEIC, a camera's raw file and a Photoshop document are pictures to their owner. Here
they are only recognized, by how the file begins or by the name's suffix, never opened.
"""

import re

HEIC, RAW, JXL = "HEIC", "camera RAW", "JPEG XL"
JPEG_2000, PSD, OTHER_HEIF = "JPEG 2000", "Photoshop PSD", "HEIF"
_HEAD_BYTES = 512  # a list of brands is rarely longer than 64

# A file of ISO's media family begins with a box of "brands": what it is, then what it is compatible with.
AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_KINDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), HEIC),
    **dict.fromkeys((b"mif1", b"mif2", b"msf1", b"miaf", b"avci", b"avcs", b"vvic", b"vvis"), OTHER_HEIF),
    **dict.fromkeys((b"j2ki", b"j2is", b"jpeg", b"jpgs", b"unif", b"MiHE", b"MiHB"), OTHER_HEIF),
    b"crx ": RAW,
}
_PREFIXES = (
    *((prefix, RAW) for prefix in (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"IIU\0", b"MMOR", b"\0MRM", b"FOVb")),
    *((prefix, RAW) for prefix in (b"II\x1a\0\0\0HEAPCCDR", b"II*\0\x10\0\0\0CR\x02\0")),
    *((prefix, JXL) for prefix in (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")),
    *((prefix, JPEG_2000) for prefix in (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
    (b"II\xbc", "JPEG XR"),
    (b"8BPS", PSD),
    (b"gimp xcf", "GIMP XCF"),
    (b"\0\0\1\0", "icon"),
    (b"\0\0\2\0", "icon"),
    (b"icns", "icon"),
    (b"v/1\1", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"SIMPLE  =", "FITS"),
    (b"qoif", "QOI"),
    (b"DDS ", "DirectDraw surface"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
)
# Possessive (`*+`): what one comment has taken, no other way of reading the same bytes is tried on.
_SVG = re.compile(
    rb"\s*+(?:<\?xml[^>]*>\s*+)?(?:(?:<!--(?:(?!-->).)*+-->|<!DOCTYPE svg[^>]*>)\s*+)*+<svg[\s>]", re.DOTALL
)
_TEXT_NETPBM = re.compile(rb"P[123]\s|P7\n|P[Ff]\n")

_SUFFIXES = {
    **dict.fromkeys((".heic", ".heics", ".hif"), HEIC),
    **dict.fromkeys((".heif", ".heifs", ".avci", ".avcs"), OTHER_HEIF),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".orf", ".rw2"), RAW),
    **dict.fromkeys((".raf", ".pef", ".ptx", ".srw", ".raw", ".rwl", ".3fr", ".fff", ".iiq", ".x3f"), RAW),
    **dict.fromkeys((".mrw", ".erf", ".kdc", ".dcr", ".dcs", ".k25", ".mef", ".mos", ".gpr", ".cap"), RAW),
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".jpm", ".jpc"), JPEG_2000),
    **dict.fromkeys((".jxr", ".wdp", ".hdp"), "JPEG XR"),
    **dict.fromkeys((".psd", ".psb"), PSD),
    **dict.fromkeys((".ico", ".cur", ".icns"), "icon"),
    **dict.fromkeys((".eps", ".ps", ".ai"), "PostScript"),
    **dict.fromkeys((".svg", ".svgz"), "SVG"),
    **dict.fromkeys((".fits", ".fit", ".fts"), "FITS"),
    **dict.fromkeys((".dcm", ".dicom"), "DICOM"),
    ".jxl": JXL,
    ".xcf": "GIMP XCF",
    ".exr": "OpenEXR",
    ".hdr": "Radiance HDR",
    ".qoi": "QOI",
    ".dds": "DirectDraw surface",
    ".tga": "Targa",
    ".pcx": "PCX",
    ".pam": "uncommon Netpbm",
    ".jng": "JNG",
}


def unread_suffix(suffix: str) -> str | None:
    """Say what a file with this suffix is, as `unread_kind` does.

    Args:
        suffix: With its dot, in lower case.
    """
    return _SUFFIXES.get(suffix)


def unread_kind(head: bytes) -> str | None:
    """Say what a picture that is not read is: "HEIC", "camera RAW", "JPEG XL" ….

    Args:
        head: The beginning of a file; only the first 512 bytes are looked at.

    Returns:
        The format's name; None for what is read, and for what is not a picture at all.
    """
    head = head[:_HEAD_BYTES]
    if named := brands(head):
        if AVIF_BRANDS.intersection(named):
            return None
        kinds = [_HEIF_KINDS[brand] for brand in named if brand in _HEIF_KINDS]
        return next((kind for kind in kinds if kind != OTHER_HEIF), kinds[0] if kinds else None)
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    if head[128:132] == b"DICM":
        return "DICOM"
    if _SVG.match(head):
        return "SVG"
    return "uncommon Netpbm" if _TEXT_NETPBM.match(head) else None


def brands(head: bytes) -> tuple[bytes, ...]:
    """Return what a file of ISO's media family says it is, the main brand first; empty for other files."""
    if head[4:8] != b"ftyp":
        return ()
    end = min(int.from_bytes(head[:4], "big"), _HEAD_BYTES, len(head))
    # Between the main brand and the compatible ones is a version number.
    return tuple(head[start : start + 4] for start in (8, *range(16, end - 3, 4)))
