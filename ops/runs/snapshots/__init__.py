"""What the verbs of `python -m ops.snapshot` do between their options and their words."""
