"""Draw pages that show nobody: text, receipts, tables and screenshots.

Drawn with Pillow and its own font, so that they need no photo and are the same each time.
"""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZES = ((480, 640), (800, 1131), (1240, 1754), (640, 480), (1920, 1080))
FONT_SIZES_PX = (11, 13, 16, 20, 28, 40)
_PROSE = (
    "the quick brown fox jumps over a lazy dog and runs far away from every hunter in the wood while rain falls on "
    "old roofs of small towns nobody has written about since that long winter of 1987"
)
_WORDS = _PROSE.split()
_GOODS = ("Milk 1 l", "Bread", "Apples 2 kg", "Coffee", "Rice", "Soap", "Batteries AA", "Tea", "Cheese", "Tomatoes")

Colour = tuple[int, int, int]
# Paper and ink.
_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((255, 255, 255), (0, 0, 0)),
    ((245, 240, 225), (40, 40, 40)),
    ((30, 30, 30), (220, 220, 220)),
    ((232, 240, 250), (20, 40, 110)),
)


def draw_pages(count: int, seed: int = 1) -> Iterator[tuple[str, Image.Image]]:
    """Draw pages of all kinds in turn, as they are scanned, photographed and captured.

    Args:
        count: How many.
        seed: Decides everything.

    Yields:
        The kind and the page, mode RGB.
    """
    kinds = list(KINDS.items())
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        kind, draw = kinds[number % len(kinds)]
        page = draw(rng)
        yield kind, page if kind == "screenshot" else _as_captured(page, rng)


def _text(rng: np.random.Generator) -> Image.Image:
    """Return a page of prose in one or two columns."""
    page, draw, ink = _sheet(rng)
    size = _font_size(rng)
    columns = int(rng.integers(1, 3))
    width = page.width // columns
    for column in range(columns):
        y = int(rng.integers(5, 60))
        while y < page.height:
            if rng.random() < 0.07:  # a new paragraph
                y += size
            _line(draw, (column * width + 12, y), width - 24, size, ink, rng)
            y += int(size * 1.3)
    return page


def _receipt(rng: np.random.Generator) -> Image.Image:
    """Return a till receipt, alone or on a table."""
    width, height = int(rng.integers(260, 420)), int(rng.integers(600, 1100))
    size = int(rng.integers(13, 20))
    page = Image.new("RGB", (width, height), (250, 249, 245))
    draw = ImageDraw.Draw(page)
    ink = (60, 60, 70)
    draw.text((width / 2, 30), "CORNER SHOP", ink, font_size=size + 8, anchor="mm")
    draw.text((width / 2, 62), f"Receipt No. {rng.integers(10**6)}", ink, font_size=size, anchor="mm")
    y, total = 90, 0.0
    while y < height - 130:
        price = float(rng.uniform(0.5, 40))
        total += price
        draw.text((14, y), str(rng.choice(_GOODS)), ink, font_size=size)
        draw.text((width - 14, y), f"{price:.2f}", ink, font_size=size, anchor="ra")
        y += int(size * 1.5)
    draw.line((10, y, width - 10, y), ink, 2)
    draw.text((14, y + 8), "TOTAL", ink, font_size=size + 6)
    draw.text((width - 14, y + 8), f"{total:.2f}", ink, font_size=size + 6, anchor="ra")
    for x in range(30, width - 30, 4):  # a bar code
        draw.rectangle((x, height - 75, x + int(rng.integers(1, 4)), height - 25), ink)
    if rng.random() < 0.5:
        return page
    table = Image.new("RGB", (width * 2, height + 120), tuple(rng.integers(60, 180, 3).tolist()))
    table.paste(page, (width // 2, 60))
    return table


def _table(rng: np.random.Generator) -> Image.Image:
    """Return a table of figures, ruled or striped."""
    page, draw, ink = _sheet(rng)
    size = _font_size(rng)
    columns, row_height = int(rng.integers(3, 9)), int(size * rng.uniform(1.3, 2.2))
    width = page.width // columns
    is_ruled, stripe = rng.random() < 0.6, tuple((np.array(page.getpixel((0, 0))) * 0.9).astype(int).tolist())
    for row, y in enumerate(range(8, page.height - row_height, row_height)):
        if row % 2 and not is_ruled:
            draw.rectangle((0, y, page.width, y + row_height), stripe)
        for column in range(columns):
            cell = str(rng.choice(_WORDS)) if column == 0 or row == 0 else f"{rng.normal() * 10 ** rng.integers(4):.2f}"
            draw.text((column * width + 6, y + 2), cell[: max(3, width // size * 2)], ink, font_size=size)
            if is_ruled:
                draw.rectangle((column * width, y, (column + 1) * width, y + row_height), outline=ink)
    return page


def _screenshot(rng: np.random.Generator) -> Image.Image:
    """Return a window with a bar, a menu of icons, and text, messages, a chart or buttons."""
    page, draw, ink = _sheet(rng, sizes=((1280, 720), (1920, 1080), (640, 480), (390, 844), (1024, 768)))
    size, accent = int(rng.choice((11, 13, 16))), tuple(rng.integers(30, 230, 3).tolist())
    bar, side = 3 * size, 0 if page.width < 500 else page.width // 5
    draw.rectangle((0, 0, page.width, bar), accent)
    for i, colour in enumerate(((255, 95, 86), (255, 189, 46), (39, 201, 63))):
        draw.ellipse((10 + 20 * i, bar / 2 - 6, 22 + 20 * i, bar / 2 + 6), colour)
    for y in range(bar + size, page.height, 3 * size) if side else ():
        icon = tuple(rng.integers(30, 230, 3).tolist())
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((8, y, 8 + 2 * size, y + 2 * size), icon)
        _line(draw, (14 + 2 * size, y + size // 2), side - 3 * size, size, ink, rng)
    content = (side + size, bar + size, page.width - size, page.height - size)
    _CONTENTS[int(rng.integers(len(_CONTENTS)))](draw, content, size, ink, rng)
    return page


def _prose(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], size: int, ink: Colour, rng: np.random.Generator
) -> None:
    for y in range(box[1], box[3], int(size * 1.4)):
        indent = size * 2 * int(rng.integers(4))  # as in source code
        _line(draw, (box[0] + indent, y), int((box[2] - box[0]) * rng.uniform(0.2, 0.9)) - indent, size, ink, rng)


def _messages(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], size: int, ink: Colour, rng: np.random.Generator
) -> None:
    for y in range(box[1], box[3] - 3 * size, 5 * size):
        colour = tuple(rng.integers(90, 240, 3).tolist())
        draw.ellipse((box[0], y, box[0] + 3 * size, y + 3 * size), colour)
        draw.text(
            (box[0] + 1.5 * size, y + 1.5 * size), "ABCDEFGH"[int(rng.integers(8))], ink, None, "mm", font_size=size
        )
        draw.rounded_rectangle((box[0] + 4 * size, y, (box[0] + box[2]) / 2, y + 4 * size), size, outline=ink)
        _line(draw, (box[0] + 5 * size, y + size), (box[2] - box[0]) // 3, size, ink, rng)


def _chart(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], size: int, ink: Colour, rng: np.random.Generator
) -> None:
    bars = int(rng.integers(4, 20))
    step = (box[2] - box[0]) / bars
    for i, share in enumerate(rng.uniform(0.1, 1, bars)):
        left, top = box[0] + i * step, box[3] - share * (box[3] - box[1])
        draw.rectangle((left, top, left + step * 0.7, box[3]), tuple(rng.integers(40, 220, 3).tolist()))
        draw.text((left, box[3] - size), f"{share:.1f}", ink, font_size=size)


def _buttons(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], size: int, ink: Colour, rng: np.random.Generator
) -> None:
    for y in range(box[1], box[3] - 4 * size, 6 * size):
        for x in range(box[0], box[2] - 8 * size, 10 * size):
            colour = tuple(rng.integers(60, 240, 3).tolist())
            draw.rounded_rectangle((x, y, x + 8 * size, y + 4 * size), size, fill=colour)
            draw.text((x + 4 * size, y + 2 * size), str(rng.choice(_WORDS)), ink, None, "mm", font_size=size)


_CONTENTS = (_prose, _messages, _chart, _buttons)
KINDS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "text": _text,
    "receipt": _receipt,
    "table": _table,
    "screenshot": _screenshot,
}


def _sheet(
    rng: np.random.Generator, sizes: tuple[tuple[int, int], ...] = SIZES
) -> tuple[Image.Image, ImageDraw.ImageDraw, Colour]:
    paper, ink = _COLOURS[int(rng.integers(len(_COLOURS)))]
    page = Image.new("RGB", sizes[int(rng.integers(len(sizes)))], paper)
    return page, ImageDraw.Draw(page), ink


def _font_size(rng: np.random.Generator) -> int:
    return int(rng.choice(FONT_SIZES_PX))


def _line(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], width: int, size: int, ink: Colour, rng: np.random.Generator
) -> None:
    """Write words as far as they fit into a width."""
    words = " ".join(rng.choice(_WORDS, 40))
    draw.text(place, words[: max(0, int(width / (size * 0.52)))], ink, font_size=size)


def _as_captured(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a page as it comes from a scanner or a camera: turned, dim, blurred, or none of it."""
    if rng.random() < 0.5:
        return page
    page = page.rotate(float(rng.normal() * 4), Image.Resampling.BICUBIC, fillcolor=(90, 80, 70))
    shade = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.5, 1), page.width)[np.newaxis, :, np.newaxis]
    noisy = np.asarray(page) * shade + rng.normal(0, 5, (page.height, page.width, 1))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))
