"""SSH keys over the fleet: what `python -m ops.rotate_keys` does between its options and its words."""
