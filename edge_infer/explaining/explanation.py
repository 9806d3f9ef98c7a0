"""What an explanation says: a map of shares for each class that was asked for, on the picture's own grid."""

from dataclasses import dataclass
from math import ceil, cos, sin
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge_infer.explaining.spreading import Map, spread
from edge_infer.faces.crops import Region
from edge_infer.results import Prediction

Method = Literal["exact", "occlusion"]
Number = TypeVar("Number", float, npt.NDArray[np.floating])
Box = tuple[float, float, float, float]

KNOWN_LABEL = "known"
_MOST_FINER = 32
_PEAK_SHARE = 0.5  # of the largest share, down to which its neighbours belong to the peak


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """How much each place of a picture speaks for a class, in logit units.

    Attributes:
        label: The class; `known` for the map of `Prediction.known`.
        against: The classes that it is compared with: the mean of their maps is subtracted. Empty for `label` alone.
        logit: What is explained: the class's logit, less the mean of those of `against`, or the log odds of `known`.
        bias: What no place has a share in: `cells.sum() + bias` is `logit`. 0 for the classes of our recipes, whose
            bias is divided too; None where the shares were measured by occlusion and add up to nothing.
        cells: Each place's share, `float32 [h, w]`, as fine as the network's finest maps.
        region: The part of the upright picture that the cells lie on, pixels.
        size: Width and height of the upright picture, pixels.
    """

    label: str
    against: tuple[str, ...]
    logit: float
    bias: float | None
    cells: Map
    region: Region
    size: tuple[int, int]

    def on_picture(self, size: tuple[int, int] | None = None) -> Map:
        """Return the map on a grid of the upright picture, interpolated between the centres of the cells.

        Args:
            size: Width and height of the grid; by default a value for each pixel of the picture.

        Returns:
            `float32 [height, width]`, 0 outside of `region`. The sum is that of `cells`; of a region turned, or partly
            outside of the picture as a face at its edge may be, it is close to it.
        """
        width, height = size or self.size
        scale_x, scale_y = width / self.size[0], height / self.size[1]
        (centre_x, centre_y), (region_w, region_h) = self.region.centre, self.region.size
        if self.region.angle_rad == 0:
            left, right = centre_x - region_w / 2, centre_x + region_w / 2
            top, bottom = centre_y - region_h / 2, centre_y + region_h / 2
            part = (left * scale_x, top * scale_y, right * scale_x, bottom * scale_y)
            return spread(self.cells, (width, height), part)
        rows, columns = self.cells.shape
        # Pixel (x, y) of the grid -> cell (u, v), for Image.transform.
        turn = np.array([[cos(self.region.angle_rad), sin(self.region.angle_rad)], [-sin(self.region.angle_rad), 0]])
        turn[1, 1] = turn[0, 0]
        to_cells = np.diag([columns / region_w, rows / region_h]) @ turn
        matrix = to_cells @ np.diag([1 / scale_x, 1 / scale_y])
        offset = np.array([columns / 2, rows / 2]) - to_cells @ np.array([centre_x, centre_y])
        # It takes points, so of a small face on a coarse grid it would miss most: it is drawn finely, then added up.
        finer = min(ceil(2 * np.abs(matrix).max()), _MOST_FINER)
        matrix = matrix / finer
        coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
        drawn = Image.fromarray(self.cells).transform(
            (finer * width, finer * height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
        )
        shares: Map = np.asarray(drawn).reshape(height, finer, width, finer).sum(axis=(1, 3))
        shares *= np.float32(abs(np.linalg.det(matrix)))
        return shares

    @property
    def peak(self) -> tuple[float, float] | None:
        """x, y of the place in the picture that speaks most for the class, in its pixels; None if none does."""
        best = self._best_cell()
        return None if best is None else self._place(best[1] + 0.5, best[0] + 0.5)

    @property
    def peak_box(self) -> Box | None:
        """Left, top, right, bottom around the peak: the places next to it whose share is at least half of its own."""
        best = self._best_cell()
        if best is None:
            return None
        rows, columns = _connected(self.cells >= _PEAK_SHARE * self.cells[best], *best)
        corners = [self._place(x, y) for x in (min(columns), max(columns) + 1) for y in (min(rows), max(rows) + 1)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        width, height = self.size
        return max(min(xs), 0.0), max(min(ys), 0.0), min(max(xs), float(width)), min(max(ys), float(height))

    def _best_cell(self) -> tuple[int, int] | None:
        """Return row and column of the largest share in the picture: a face's crop may reach beyond it."""
        rows, columns = self.cells.shape
        x, y = self._place(np.arange(columns) + 0.5, np.arange(rows)[:, np.newaxis] + 0.5)
        is_inside = (x >= 0) & (x < self.size[0]) & (y >= 0) & (y < self.size[1])
        row, column = divmod(int(np.where(is_inside, self.cells, 0).argmax()), columns)
        return (row, column) if self.cells[row, column] > 0 and is_inside[row, column] else None

    def _place(self, column: Number, row: Number) -> tuple[Number, Number]:
        """Return where in the picture a place on the grid of cells is."""
        (centre_x, centre_y), (width, height), angle = self.region.centre, self.region.size, self.region.angle_rad
        x, y = (column / self.cells.shape[1] - 0.5) * width, (row / self.cells.shape[0] - 0.5) * height
        return centre_x + cos(angle) * x - sin(angle) * y, centre_y + sin(angle) * x + cos(angle) * y


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """An answer and its reasons.

    Attributes:
        prediction: The answer, with `peak_box`.
        maps: One for each label that was asked for; by default one, of the best class against the others. For a model
            of faces, those of the largest face.
        known: The map of `known`; None for a model that does not say it.
        method: `exact` if the shares and the bias add up to the logit, `occlusion` if they were measured.
        faces: The maps of each face, in the order of `prediction.faces`; None where no face was answered for.
    """

    prediction: Prediction
    maps: tuple[ClassMap, ...]
    known: ClassMap | None
    method: Method
    faces: tuple[tuple[ClassMap, ...], ...] | None = None


def against_others(best: int, count: int) -> npt.NDArray[np.float32]:
    """Return the factors, `float32 [count]`, that subtract the mean of all other classes from one.

    Of two classes it is their difference. Of more, a difference to the second alone would hide what speaks for both.

    Args:
        best: The class's number.
        count: How many classes there are, two or more.
    """
    factors = np.full(count, -1 / (count - 1), np.float32)
    factors[best] = 1
    return factors


def _connected(is_part: npt.NDArray[np.bool_], row: int, column: int) -> tuple[list[int], list[int]]:
    """Return rows and columns of the cells that are connected with one, side by side."""
    pending, found = [(row, column)], {(row, column)}
    while pending:
        row, column = pending.pop()
        for place in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= place[0] < is_part.shape[0] and 0 <= place[1] < is_part.shape[1]
            if inside and place not in found and is_part[place]:
                found.add(place)
                pending.append(place)
    return [row for row, _ in found], [column for _, column in found]
