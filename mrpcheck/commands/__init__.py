"""The commands of `mrpcheck`, one a file: `add` says what it takes, `run` gives page and status."""
