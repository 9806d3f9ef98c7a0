"""The levers, each changed alone: first against averaged maps, then against the pooling that helped most."""

from dataclasses import replace

from benchmarks.levers.measure import Lever
from benchmarks.levers.views import CENTRE, CHANGES, WHOLE, View, exchanged_grounds, random_views
from benchmarks.levers.weights import Weighting

_LARGE = View(side=320)
_EVEN = Weighting(by_class=0.5)
BASELINE = Lever("baseline")
VIEWS = replace(BASELINE, name="4 views, C 0.03", train=random_views(4), inverse_l2=0.03)
POOLED = replace(VIEWS, name="eg2", pooling="eg2", weighting=_EVEN)
POOLINGS = ("mean", "gaussian", "gem", "energy", "energy2", "energy-gaussian")

LEVERS = (
    BASELINE,
    *(replace(BASELINE, name=f"C {c:g}", inverse_l2=c) for c in (0.001, 0.1)),
    *(
        replace(BASELINE, name=f"blocks {'+'.join(map(str, blocks))}", blocks=blocks)
        for blocks in ((5,), (4,), (3, 4, 5), (1, 2, 3, 4, 5))
    ),
    *(replace(BASELINE, name=f"{view.side} px", train=(view,), test=(view,)) for view in (View(side=288), _LARGE)),
    replace(BASELINE, name="2 views", train=random_views(2)),
    replace(BASELINE, name="4 views", train=random_views(4)),
    VIEWS,
    replace(VIEWS, name="6 views, C 0.03", train=random_views(6)),
    *(
        replace(VIEWS, name=f"4 views, {change} alone, C 0.03", train=random_views(4, change=change))
        for change in CHANGES
    ),
    replace(VIEWS, name="4 views, 2 other grounds, C 0.03", train=(*random_views(4), *exchanged_grounds(2))),
    *(
        replace(BASELINE, name=f"4 views, weights {name}", train=random_views(4), weighting=weighting)
        for name, weighting in (
            ("own 0.1", Weighting(own=0.1)),
            ("own 0.3", Weighting(own=0.3)),
            ("own 3", Weighting(own=3)),
            ("class 0.5", Weighting(by_class=0.5)),
            ("class 1", Weighting(by_class=1)),
            ("source 0.5", Weighting(by_source=0.5)),
        )
    ),
    replace(VIEWS, name="second look at the centre", test=(WHOLE, CENTRE)),
    replace(
        VIEWS, name="second look at the centre, learned too", train=(*random_views(4), CENTRE), test=(WHOLE, CENTRE)
    ),
    replace(VIEWS, name="second look at the class map", second_look=True),
    replace(VIEWS, name="pooling centre", pooling="centre"),
    *(replace(VIEWS, name=f"pooling {name}", pooling=name, weighting=_EVEN) for name in POOLINGS),
    POOLED,
    replace(POOLED, name="eg2, no views", train=(WHOLE,)),
    replace(POOLED, name="eg2, 2 views", train=random_views(2)),
    *(replace(POOLED, name=f"eg2, C {c:g}", inverse_l2=c) for c in (0.01, 0.1)),
    *(
        replace(POOLED, name=f"eg2, weights {name}", weighting=weighting)
        for name, weighting in (
            ("own 0.5", Weighting(own=0.5, by_class=0.5)),
            ("own 2", Weighting(own=2, by_class=0.5)),
            ("class 1", Weighting(by_class=1)),
            ("source 0.3", Weighting(by_class=0.5, by_source=0.3)),
        )
    ),
    replace(POOLED, name="eg2, second look at the centre", test=(WHOLE, CENTRE)),
    replace(POOLED, name="eg2, 320 px, no views", train=(_LARGE,), test=(_LARGE,)),
    replace(POOLED, name="eg2, 320 px", train=random_views(4, _LARGE.side), test=(_LARGE,)),
    replace(POOLED, name="eg2, block 5 fine-tuned", tuned_from=5),
    replace(POOLED, name="eg2, blocks 4 and 5 fine-tuned", tuned_from=4),
)
KNOWN = "known"  # the recommended recipe: POOLED, and a second head that knows strangers
NAMES = (*(lever.name for lever in LEVERS), KNOWN)
