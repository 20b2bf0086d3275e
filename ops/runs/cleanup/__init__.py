"""Old snapshots go: what `python -m ops.cleanup_snapshots` does between its options and its words."""
