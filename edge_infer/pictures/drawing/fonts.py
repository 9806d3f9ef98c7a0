r"""A font that has the letters of a label: Pillow's own, the one in this package, or one of this machine.

Pillow's own font lacks even accents, the one in this package has Latin, Greek and Cyrillic letters. What no
font has is drawn as escapes (`\u7d2b`) and logged as a warning: never as empty boxes.
"""

import logging
import os
import sys
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
FontFile = Path | None  # None: Pillow's own

BUNDLED = Path(__file__).parent / "font" / "DejaVuSans.ttf"
_FOLDERS = {
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": (r"%WINDIR%\Fonts", r"%LOCALAPPDATA%\Microsoft\Windows\Fonts"),
}.get(sys.platform, ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"))
_SUFFIXES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
# Plain sans-serif faces are tried before these.
_ORNATE = ("bold", "black", "heavy", "light", "thin", "oblique", "italic", "condensed", "mono", "serif", "emoji")
_PROBE_PX = 16
_NOT_A_CHARACTER = "\U0010ffff"  # drawn as whatever stands for a missing letter

log = logging.getLogger(__name__)


def runs(text: str, size_px: int) -> list[tuple[Font, str]]:
    """Return a label in pieces, each with a font that has its letters; a single piece if one font has all.

    Args:
        text: One line.
        size_px: Height of the letters.
    """
    for file in (None, BUNDLED):
        if not missing(text, file):
            return [(_load(file, size_px), text)]
    fonts = fonts_beyond(BUNDLED, text)
    pieces = [
        (fonts.get(letter) or BUNDLED, letter if fonts.get(letter, BUNDLED) else escaped(letter)) for letter in text
    ]
    return [
        (_load(file, size_px), "".join(letters for _, letters in run))
        for file, run in groupby(pieces, key=lambda piece: piece[0])
    ]


def fonts_beyond(file: Path, text: str) -> dict[str, Path | None]:
    """Return a font of this machine for each letter that a font lacks; None, with a warning, if there is none."""
    lacking = missing(text, file)
    together = installed_font(frozenset(lacking))
    fonts = {letter: together or installed_font(frozenset(letter)) for letter in lacking}
    if nowhere := "".join(letter for letter in text if letter in fonts and fonts[letter] is None):
        _warn(nowhere)
    return fonts


def escaped(letter: str) -> str:
    """Return a letter as Python writes it in ASCII."""
    return ascii(letter)[1:-1]


def missing(text: str, file: FontFile) -> set[str]:
    """Return the letters that a font does not have."""
    return {letter for letter in set(text) if not letter.isspace() and _lacks(file, letter)}


@cache
def installed_font(letters: frozenset[str]) -> Path | None:
    """Return the first font of this machine that has all the letters."""
    return next((file for file in _installed() if not missing("".join(letters), file)), None)


@cache
def _warn(letters: str) -> None:
    log.warning("no font on this machine has %s: labels show escapes instead; install one, such as Noto Sans", letters)


@cache
def _load(file: FontFile, size_px: int) -> Font:
    return ImageFont.load_default(size_px) if file is None else ImageFont.truetype(file, size_px)


@cache
def _lacks(file: FontFile, letter: str) -> bool:
    try:
        font = _load(file, _PROBE_PX)
        return _drawn(font, letter) == _drawn(font, _NOT_A_CHARACTER)
    except (OSError, ValueError):  # the file is not a font
        return True


def _drawn(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _installed() -> Iterator[Path]:
    files = [
        Path(folder) / name
        for start in _FOLDERS
        for folder, _, names in os.walk(os.path.expandvars(Path(start).expanduser()))
        for name in names
        if Path(name).suffix.lower() in _SUFFIXES
    ]
    yield from sorted(files, key=lambda file: (any(word in file.name.lower() for word in _ORNATE), file))
