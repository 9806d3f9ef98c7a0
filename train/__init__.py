"""The training stage: a folder of labelled photos -> a run folder with a checked network.

The straight line, a module a step: `photos` -> `duplicates` -> `splits` -> `features`
-> `head` -> `finetune` -> `evaluation` -> `report`; `pipeline` walks it.
"""
