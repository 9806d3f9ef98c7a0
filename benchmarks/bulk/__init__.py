"""Jobs of many pictures: how fast, in how much memory, and whether anything is lost when processes are killed."""

PICTURES = 20_000  # of the folder that both commands answer
SHARE_OF_CLASSIFY = 0.75  # of its pictures a second, must hold
KILLS = 20
