"""What a finished model file is worth: accuracy, speed, the report beside it."""
