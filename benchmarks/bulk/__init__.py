"""Jobs of many pictures: how fast, in how much memory, and whether anything is lost when processes are killed."""
