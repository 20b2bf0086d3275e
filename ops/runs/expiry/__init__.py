"""Lab guests whose day is over: what `python -m ops.expire` does between its options and its words."""
