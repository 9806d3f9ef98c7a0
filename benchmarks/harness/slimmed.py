"""How a slim run was made, for measurements that make its like again."""

from pathlib import Path

from train.files import read_json
from train.runs.folder import METRICS
from train.runs.slim_folder import SETTINGS
from train.slim.distillation import Distillation
from train.slim.goal import Goal
from train.slim.within_drop import SPEEDUPS


def slimmed_with(run: Path) -> tuple[Goal, Distillation]:
    """Return the goal and the settings that a slim run was made with.

    A run that was slimmed within an allowed drop notes the drop. Its goal is the speed-up that was kept: the highest
    of those tried that its network reaches.

    Raises:
        RunFolderError: It is no slim run, or damaged.
    """
    told = read_json(run / SETTINGS, "goal", "views", "epochs", "learning_rate", "wide_views")
    settings = Distillation(told["views"], told["epochs"], told["learning_rate"], wide_views=told["wide_views"])
    if isinstance(told["goal"], dict):
        return Goal(**told["goal"]), settings
    reached = read_json(run / METRICS, "slim")["slim"]["speedup"]
    return Goal(speedup=max(speedup for speedup in SPEEDUPS if speedup <= reached)), settings
