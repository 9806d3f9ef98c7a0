"""Which names of stones mean one kind, so that folds by kind do not divide it."""

# Neither its colour nor its cut makes a stone another kind. The first stem in a name decides.
KINDS = (
    "fluorite",
    "jade",
    "garnet",
    "quartz",
    "agate",
    "agata",
    "onyx",
    "sapphire",
    "topaz",
    "tourmaline",
    "spinel",
    "calcite",
    "jasper",
    "marble",
    "apatite",
    "amazonite",
    "moonstone",
    "aventurine",
    "obsidian",
    "coral",
    "citrine",
    "beryl",
    "chalcedony",
    "rhodonite",
    "rhodochrosite",
    "sodalite",
    "serpentin",
    "carnelian",
    "almandine",
    "aquamarine",
    "selenite",
    "gypsum",
    "peridot",
    "olivine",
)
SAME_KIND = {"agata": "agate", "achat": "agate", "gypsum": "selenite", "olivine": "peridot"}


def kind_of(name: str) -> str:
    """Return the kind of stone that a name means: `Quartz Smoky` and `smoky_quartz` are both `quartz`."""
    plain = name.lower().replace("_", " ")
    stem = next((stem for stem in KINDS if stem in plain), plain)
    return SAME_KIND.get(stem, stem)
