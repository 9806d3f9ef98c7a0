"""What helps with photos from elsewhere, each lever alone."""
