"""What a network is shown of a photo, and the features it makes of that."""
