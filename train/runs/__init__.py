"""Run folders: written while training, read again afterwards."""
