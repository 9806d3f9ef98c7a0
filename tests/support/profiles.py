"""ICC profiles: what cameras, phones and printers embed, and what nobody should."""

import struct
from collections.abc import Sequence

Xyz = tuple[float, float, float]

# Primaries as profiles state them, adapted to D50, and the curve's exponent or formula.
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
INKS = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]  # whether each is printed
_D50 = (0.9642, 1.0, 0.8249)


def fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def xyz(value: Xyz) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*value)


def gamma(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"


def table(points: int) -> bytes:
    """Build sRGB's curve as a table."""
    places = [i / (points - 1) for i in range(points)]
    values = [round(65535 * (((x + 0.055) / 1.055) ** 2.4 if x > 0.04045 else x / 12.92)) for x in places]
    return b"curv\0\0\0\0" + struct.pack(f">I{points}H", points, *values)


def srgb_formula() -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(
    tags: Sequence[tuple[bytes, bytes]], space: bytes = b"RGB ", pcs: bytes = b"XYZ ", kind: bytes = b"mntr"
) -> bytes:
    """Build a profile of the given tags."""
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags = [(b"desc", text), (b"cprt", b"text\0\0\0\0none\0"), (b"wtpt", xyz(_D50)), *tags]
    directory, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, content in tags:
        padded = content + bytes(-len(content) % 4)
        directory += name + struct.pack(">II", start + len(body), len(padded))
        body += padded
    size = struct.pack(">I", start + len(body))
    header = size + bytes(4) + struct.pack(">I", 0x02400000) + kind + space + pcs + bytes(12) + b"acsp" + bytes(28)
    return (header + fixed(*_D50)).ljust(128, b"\0") + directory + body


def rgb_profile(primaries: tuple[Xyz, Xyz, Xyz], curve: bytes) -> bytes:
    red, green, blue = (xyz(primary) for primary in primaries)
    tags = [(b"rXYZ", red), (b"gXYZ", green), (b"bXYZ", blue)]
    return profile([*tags, (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)])


def grey_profile(exponent: float) -> bytes:
    return profile([(b"kTRC", gamma(exponent))], space=b"GRAY")


def cmyk_profile(inks: dict[tuple[int, int, int, int], Xyz]) -> bytes:
    """Build a printer's profile from the Lab colours (L 0-100) of the 16 combinations of full inks."""
    labs = [inks[name] for name in INKS]
    colours = b"".join(
        struct.pack(">3H", round(lab[0] * 652.8), round((lab[1] + 128) * 256), round((lab[2] + 128) * 256))
        for lab in labs
    )
    straight = struct.pack(">2H", 0, 65535)
    head = b"mft2\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack(">2H", 2, 2)
    lut = head + straight * 4 + colours + straight * 3
    return profile([(b"A2B0", lut), (b"A2B1", lut)], space=b"CMYK", pcs=b"Lab ", kind=b"prtr")


def chain_profile(links: int) -> bytes:
    """Build an RGB profile that translates by a chain of matrices, which LittleCMS goes through for each colour."""
    matrix = b"matf" + bytes(4) + struct.pack(">2H", 3, 3) + struct.pack(">12f", 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    at = 16 + 8 * links
    chain = b"mpet" + bytes(4) + struct.pack(">2HI", 3, 3, links) + struct.pack(">2I", at, len(matrix)) * links + matrix
    built = rgb_profile(ADOBE_RGB, gamma(2.2))
    tags = [(b"D2B1", chain), (b"D2B0", chain)]
    wide = profile([*tags, *((name, content) for name, content in _tags_of(built) if name[1:] in (b"XYZ", b"TRC"))])
    return wide[:8] + struct.pack(">I", 0x04300000) + wide[12:]


def _tags_of(built: bytes) -> list[tuple[bytes, bytes]]:
    (count,) = struct.unpack_from(">I", built, 128)
    entries = [struct.unpack_from(">4sII", built, 132 + 12 * i) for i in range(count)]
    return [(name, built[start : start + size]) for name, start, size in entries]


def overlapping_profile(bytes_each: int) -> bytes:
    """Build an RGB profile of 100 tags, each of which is the same bytes."""
    entries = b"".join(struct.pack(">4sII", b"T%03d" % i, 132 + 12 * 100, bytes_each) for i in range(100))
    header = profile([])[:128]
    return header + struct.pack(">I", 100) + entries + bytes(bytes_each)
