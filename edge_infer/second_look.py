"""Whether a picture is looked at twice. A module of its own, because the command line imports nothing heavy."""

from typing import Literal

# As the model asks for, where its first answer is uncertain; every picture; none.
SecondLook = Literal["auto", "always", "never"]
