"""Names of stones that sources spell differently."""

from benchmarks.levers.stone_kinds import kind_of


def test_neither_colour_nor_cut_nor_spelling_makes_a_kind():
    assert {kind_of(name) for name in ("Quartz Smoky", "smoky_quartz", "quartz")} == {"quartz"}
    assert kind_of("Olivine") == "peridot"
    assert kind_of("Blue_Lace_Agata") == kind_of("Agate") == "agate"
    assert kind_of("Iolite") == "iolite"
