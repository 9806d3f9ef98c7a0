"""An explained answer as a picture that is read at a glance: the photo, and the photo under its map."""

from PIL import Image

from edge_infer.explaining.explanation import ClassMap, Explanation
from edge_infer.pictures.drawing.annotate import Pen, annotate
from edge_infer.pictures.drawing.heat import draw_heat, map_size, scale_rgb

MAX_SIDE_PX = 1024  # of each half
_GAP_PX = 8
_SCALE_PX = (120, 10)
_INK_RGB = (40, 40, 40)


def explained_picture(image_rgb: Image.Image, explanation: Explanation) -> Image.Image:
    """Return the photo with its answer, and beside it the photo in grey under the map, with what the colours mean.

    Args:
        image_rgb: The upright picture, mode RGB.
        explanation: Its explanation.

    Returns:
        A new image of mode RGB: two halves of at most 1024 pixels a side, a caption below.
    """
    factor = min(1.0, MAX_SIDE_PX / max(image_rgb.size))
    width, height = (max(1, round(side * factor)) for side in image_rgb.size)
    plain = annotate(image_rgb, explanation.prediction).resize((width, height), Image.Resampling.LANCZOS)
    # In grey, or blue would not stand out from an amethyst, nor orange from a sunstone.
    grey = image_rgb.resize((width, height), Image.Resampling.LANCZOS).convert("L").convert("RGB")
    heated = under_map(grey, explanation)
    pen = Pen(plain)
    line = round(2 * pen.text_px)
    sheet = Image.new("RGB", (max(2 * width + _GAP_PX, 26 * pen.text_px), height + line), "white")
    sheet.paste(plain, (0, 0))
    sheet.paste(heated, (width + _GAP_PX, 0))
    scale = Image.fromarray(scale_rgb()[None]).resize(_SCALE_PX, Image.Resampling.BILINEAR)
    sheet.paste(scale, (_GAP_PX, height + (line - _SCALE_PX[1]) // 2))
    pen = Pen(sheet, pen.text_px)
    pen.label((2 * _GAP_PX + _SCALE_PX[0], height + 0.3 * pen.text_px), caption(explanation), _INK_RGB)
    return sheet


def under_map(image_rgb: Image.Image, explanation: Explanation, *, has_frames: bool = True) -> Image.Image:
    """Return a picture, of any size, under the map of its answer, or those of each of its faces.

    Args:
        image_rgb: The upright picture, mode RGB.
        explanation: Its explanation.
        has_frames: Frame the peaks.
    """
    size = map_size(image_rgb.size)
    maps = [found[0] for found in explanation.faces] if explanation.faces else [explanation.maps[0]]
    heats = [found.on_picture(size) for found in maps]
    # Each face's strongest share has the strongest colour: large faces spread theirs over more pixels.
    relative = [heat / max(float(abs(heat).max()), 1e-30) for heat in heats]
    together = relative[0]
    for heat in relative[1:]:
        together = together + heat
    drawn = draw_heat(image_rgb, together, 1.0)
    if has_frames:
        scale_x, scale_y = (side / whole for side, whole in zip(image_rgb.size, maps[0].size, strict=True))
        for found in maps:
            if (box := found.peak_box) is not None:
                Pen(drawn).box(
                    (box[0] * scale_x, box[1] * scale_y, box[2] * scale_x, box[3] * scale_y), (255, 255, 255)
                )
    return drawn


def caption(explanation: Explanation) -> str:
    """Return what the colours mean, in a line."""
    found: ClassMap = explanation.maps[0]
    way = "" if explanation.method == "exact" else " (measured by covering parts)"
    orange = f"for {found.against[0]}" if len(found.against) == 1 else "against"
    return f"blue: speaks for {found.label}, orange: {orange}{way}"
