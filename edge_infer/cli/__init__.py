"""The command line: `edge-infer COMMAND …`, one file a command."""
