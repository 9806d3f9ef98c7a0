"""What one machine answers, and when a second one pays."""

from typing import Any

from benchmarks.pages.tables.markdown import table

# What has to be done before a second machine answers its first picture.
PREPARATIONS_S = {
    "is in the cluster already, and idle": 0,
    "has to boot and install the package: 5 minutes": 300,
    "has to be set up by hand: 1 hour": 3600,
    "has to be ordered, set up and explained: 1 day of 8 hours": 8 * 3600,
}
_NOT_MEASURED = ("not measured yet", "", "", "", "", "")


def one_machine_table(result: dict[str, Any]) -> str:
    """Return what both commands answer in an hour, and how long a million takes them."""
    rates, cores = result["rates"], result["cores"]
    head = (f"on {cores} cores", "start", "photos a second", "photos in the first hour", "a million", "memory")
    if rates is None:
        return table(head, [_NOT_MEASURED])
    rows = []
    for name in ("classify", "bulk"):
        rate = rates["once_started"][name]
        start_s = _start_s(rates, name)
        rows.append(
            (
                f"`edge-infer {name}`",
                f"{start_s:.1f} s",
                f"{rate:.0f}",
                f"{(3600 - start_s) * rate:,.0f}",
                f"{1e6 / rate / 3600:.1f} hours",
                f"{rates['worker_peak_mb']:.0f} MB a worker" if name == "bulk" else "",
            )
        )
    return table(head, rows)


def second_machine_table(result: dict[str, Any]) -> str:
    """Return the number of photos from which two machines are done sooner than one, by what the second one costs.

    One needs N / r seconds at r photos a second, two need P + N / 2r after P seconds of preparation: less
    from N = 2rP on. Both start Ray.
    """
    head = ("a second machine that", "pays from so many photos on", "which one machine answers in")
    if result["rates"] is None:
        return table(head, [_NOT_MEASURED[:3]])
    rate = result["rates"]["once_started"]["bulk"]
    rows = [
        (
            what,
            f"{2 * rate * seconds:,.0f}" if seconds else f"any that take longer than Ray's start of {_start(result)}",
            _duration(2 * seconds) if seconds else "",
        )
        for what, seconds in PREPARATIONS_S.items()
    ]
    return table(head, rows)


def _start(result: dict[str, Any]) -> str:
    return f"{_start_s(result['rates'], 'bulk'):.0f} s"


def _start_s(rates: dict[str, Any], name: str) -> float:
    """Return what a run takes beside its pictures."""
    return max(0.0, float(rates["seconds"][name] - rates["pictures"] / rates["once_started"][name]))


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 3600 else f"{seconds / 3600:g} hours"
