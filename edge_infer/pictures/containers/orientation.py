"""Which way up a camera was held, out of EXIF or XMP.

Pillow's own reader parses all of EXIF and warns about what it does not like; a host program may turn
warnings into errors. Only one number is needed here, so damage around it can be ignored.
"""

import re
from typing import Literal

_TAG = 0x0112
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II": "little", b"MM": "big"}
_FORMATS = {3: 2, 4: 4, 8: 2, 9: 4}  # sizes of TIFF's whole numbers: short, long, signed short, signed long
_PREFIX = b"Exif\0\0"  # some programs write it twice
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def exif_orientation(exif: bytes) -> int | None:
    """Return the orientation that an EXIF block states in its first directory, unchecked; None if it states none."""
    exif = exif.removeprefix(_PREFIX).removeprefix(_PREFIX)
    order = _ORDERS.get(exif[:2])
    if order is None:
        return None

    def number(position: int, size: int) -> int:
        return int.from_bytes(exif[position : position + size], order)

    directory = number(4, 4)
    for entry in range(directory + 2, directory + 2 + 12 * number(directory, 2), 12):
        if entry + 12 > len(exif):
            return None
        if number(entry, 2) == _TAG:
            size = _FORMATS.get(number(entry + 2, 2))
            return None if size is None else number(entry + 8, size)
    return None


def xmp_orientation(xmp: bytes) -> int | None:
    """Return the orientation that an XMP packet states, if any."""
    found = _XMP.search(xmp)
    return None if found is None else int(found[1])
