"""Draw a face that the detector finds, so that tests need no photo of a person."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SKIN, SHADE, HAIR, LIPS = (224, 176, 148), (186, 132, 106), (58, 38, 28), (176, 74, 78)
# Left eye, right eye, nose tip, corners of the mouth, in units of the face's height from its top left.
LANDMARKS = ((0.22, 0.44), (0.53, 0.44), (0.375, 0.62), (0.25, 0.78), (0.50, 0.78))
ASPECT = 0.75


def draw_face(height: int) -> Image.Image:
    """Draw a tight crop of a face, mode RGBA, `height` pixels high, transparent around the head."""
    scale = 4  # drawn large, then scaled down
    h, w = height * scale, round(height * ASPECT) * scale
    image = Image.new("RGBA", (w, h), (*HAIR, 0))
    draw = ImageDraw.Draw(image)

    def oval(x: float, y: float, rx: float, ry: float, fill: tuple[int, int, int]) -> None:
        draw.ellipse([(x - rx) * h, (y - ry) * h, (x + rx) * h, (y + ry) * h], fill=(*fill, 255))

    oval(0.375, 0.42, 0.375, 0.42, HAIR)
    oval(0.375, 0.52, 0.33, 0.47, SHADE)
    oval(0.375, 0.51, 0.315, 0.455, SKIN)
    draw.pieslice([0.02 * h, -0.02 * h, 0.73 * h, 0.55 * h], 180, 360, fill=(*HAIR, 255))
    for x, _ in LANDMARKS[:2]:
        oval(x, 0.36, 0.085, 0.022, HAIR)
        oval(x, 0.44, 0.07, 0.04, SHADE)
        oval(x, 0.44, 0.058, 0.03, (245, 240, 235))
        oval(x, 0.44, 0.03, 0.03, (70, 50, 40))
        oval(x, 0.44, 0.014, 0.014, (10, 10, 10))
    oval(0.375, 0.56, 0.035, 0.09, (212, 160, 132))
    oval(0.375, 0.625, 0.062, 0.03, SHADE)
    oval(0.375, 0.612, 0.05, 0.028, SKIN)
    oval(0.35, 0.635, 0.014, 0.009, (120, 70, 60))
    oval(0.40, 0.635, 0.014, 0.009, (120, 70, 60))
    oval(0.375, 0.78, 0.125, 0.034, LIPS)
    draw.line([(0.25 * h, 0.78 * h), (0.50 * h, 0.78 * h)], fill=(110, 40, 44, 255), width=max(1, h // 100))
    return image.resize((w // scale, h // scale), Image.Resampling.LANCZOS)


def picture_with_faces(size: tuple[int, int], boxes: list[tuple[int, int, int]], tilt_deg: float = 0.0) -> Image.Image:
    """Draw a picture with faces at (left, top, height), perhaps tilted clockwise, on a soft background."""
    grain = np.random.default_rng(0).integers(90, 140, (size[1] // 16 + 1, size[0] // 16 + 1, 3)).astype(np.uint8)
    image = Image.fromarray(grain).resize(size, Image.Resampling.BICUBIC)
    for left, top, height in boxes:
        face = draw_face(height)
        body = Image.new("RGBA", image.size, (0, 0, 0, 0))
        draw = ImageDraw.Draw(body)
        w = face.width
        draw.rectangle([left + w * 0.3, top + height * 0.85, left + w * 0.7, top + height * 1.15], fill=(*SHADE, 255))
        draw.ellipse([left - w * 0.7, top + height * 1.05, left + w * 1.7, top + height * 2.6], fill=(40, 60, 110, 255))
        body.alpha_composite(face, (left, top)) if left >= 0 and top >= 0 else body.paste(face, (left, top), face)
        body = body.rotate(-tilt_deg, Image.Resampling.BICUBIC, center=(left + w / 2, top + height / 2))
        image.paste(body, (0, 0), body)
    return image.filter(ImageFilter.GaussianBlur(0.6))
