"""From frames to answers that neither flicker nor hold the feed up."""
