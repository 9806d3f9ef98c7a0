"""An option's type for numbers in a range, for every command line of this repository."""

import math
from typing import Any

import click


class NumberRange(click.FloatRange):
    """A float range that NaN is not in, although NaN passes every comparison that would refuse it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Convert and check."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"nan is not in the range {self._describe_range()}.", param, ctx)
        return number
