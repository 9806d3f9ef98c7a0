"""Labels of any script in matplotlib's figures, which show empty boxes for letters that their font lacks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager

from edge_infer.pictures.drawing.fonts import escaped, fonts_beyond

_FAMILY = "DejaVu Sans"  # it comes with matplotlib


@contextmanager
def lettering_for(texts: Iterable[str]) -> Iterator[Callable[[str], str]]:
    r"""Let figures that are drawn and saved meanwhile show these texts.

    Yields:
        What a text is to be drawn as: itself, with escapes (`\u7d2b`) for letters that no font here has.
    """
    fonts = fonts_beyond(Path(font_manager.findfont(_FAMILY)), "".join(texts))
    families = [_FAMILY]
    for file in sorted({file for file in fonts.values() if file is not None}):
        font_manager.fontManager.addfont(file)
        families.append(font_manager.FontProperties(fname=file).get_name())

    def shown(text: str) -> str:
        return "".join(letter if fonts.get(letter, True) else escaped(letter) for letter in text)

    # A dollar sign in a label does not begin a formula.
    with mpl.rc_context({"font.family": families, "text.parse_math": False}):
        yield shown
