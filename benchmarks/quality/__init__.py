"""How right the answers are, and what slimming and int8 cost."""
