"""What we claim about speed and memory, measured beside others in one run: `python -m bench.NAME`."""
