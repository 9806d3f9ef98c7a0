"""Draw `stone.png`, a faceted green stone on a grey cloth: a picture without a photographer.

python examples/draw_stone.py
"""

from math import cos, pi, sin
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 384
SCALE = 4  # drawn larger, then reduced: smooth edges
FACETS = 16
LIGHT = (-0.5, -0.8)
RINGS = (1.0, 0.78, 0.52, 0.30)  # radii of girdle, crown, star and table, of the stone's radius


def main() -> None:
    """Write the picture beside this file."""
    rng = np.random.default_rng(7)
    side = SIDE * SCALE
    cloth = 205 + 2 * rng.standard_normal((SIDE, SIDE, 1)) + np.linspace(18, -18, SIDE)[:, None, None]
    image = Image.fromarray(np.clip(cloth.repeat(3, axis=2), 0, 255).astype(np.uint8)).resize((side, side))
    draw = ImageDraw.Draw(image)
    centre, radius = side * 0.48, side * 0.46
    draw.ellipse(
        [centre - radius, centre - radius * 0.80, centre + radius * 1.08, centre + radius * 1.12], fill=(150, 152, 150)
    )

    def corner(ring: int, step: float) -> tuple[float, float]:
        angle = 2 * pi * (step + 0.5 * (ring % 2)) / FACETS
        return centre + RINGS[ring] * radius * cos(angle), centre + RINGS[ring] * radius * sin(angle)

    for ring in range(len(RINGS) - 1):
        for step in range(FACETS):
            outer = [corner(ring, step), corner(ring, step + 1)]
            inner = [corner(ring + 1, step), corner(ring + 1, step + 1)]
            for triangle in ([*outer, inner[0]], [*inner, outer[1]]):
                draw.polygon(triangle, fill=_shade(triangle, centre, radius, rng))
    draw.polygon([corner(len(RINGS) - 1, step) for step in range(FACETS)], fill=(96, 205, 128))
    image.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(Path(__file__).with_name("stone.png"), optimize=True)


def _shade(
    triangle: list[tuple[float, float]], centre: float, radius: float, rng: np.random.Generator
) -> tuple[int, int, int]:
    """Colour a facet by how far it faces the light, with the sparkle that cutting gives."""
    x, y = np.mean(triangle, axis=0)
    facing = ((x - centre) * LIGHT[0] + (y - centre) * LIGHT[1]) / radius
    brightness = np.clip(0.72 + 0.34 * facing + 0.16 * rng.standard_normal(), 0.2, 1.35)
    return tuple(int(min(255, channel * brightness)) for channel in (34, 158, 78))


if __name__ == "__main__":
    main()
