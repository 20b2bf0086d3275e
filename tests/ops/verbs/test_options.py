"""Options that make no sense are refused before anything is asked."""

import pytest

from ops import cleanup_snapshots, expire, preflight, rotate_keys, snapshot

TAKE = (snapshot, "create", "web")
CLEAN = (cleanup_snapshots, "--all")
EXPIRE = (expire,)
EXTEND = (expire, "extend", "web", "--reason", "x")
ROTATE = (rotate_keys, "--all", "--add-key", "new.pub")
NUMBERS = {
    (*TAKE, "--lock-wait"): ("nan", "inf", "-inf", "-1", "1e9", "soon", ""),
    (*TAKE, "--timeout"): ("nan", "inf", "-0.1", "1e300"),
    (*CLEAN, "--lock-wait"): ("nan", "inf", "-1"),
    (*CLEAN, "--timeout"): ("nan", "inf", "0", "-1"),
    (*CLEAN, "--max-age"): ("0d", "-7d", "7", "7D", "1.5d", "7d2h", "nan", "\u0661d", "999999w", ""),
    (*CLEAN, "--max-deletions"): ("-1", "101%", "nan", "1.5", "%", "\u0663", "1e3", ""),
    (*EXPIRE, "--lock-wait"): ("nan", "inf", "-1", "3601"),
    (*EXPIRE, "--shutdown-timeout"): ("0", "-1", "nan", "1.5", "3601"),
    (*EXPIRE, "--parallel"): ("0", "-1", "33", "nan"),
    (*EXPIRE, "--warn-days"): ("0", "-1", "1.5", "nan", "two", "\u00b2"),
    (*EXPIRE, "--max-stops"): ("-1", "101%", "nan", ""),
    (*EXTEND, "--days"): ("0", "-1", "nan", "3651"),
    (*EXTEND, "--until"): ("2027-02-30", "tomorrow", "27-01-31", "2027-1-31", "", "0000-01-01"),
    (*TAKE, "--reason", "x", "--keep-until"): ("2027-02-30", "nan", "", "2020-01-01"),
    (*ROTATE, "--parallel"): ("0", "-1", "65"),
    (*ROTATE, "--canary"): ("-1", "nan"),
    (*ROTATE, "--max-failures"): ("0", "-1"),
    (*ROTATE, "--port"): ("0", "65536", "ssh"),
    (preflight, "--image"): ("ftp://x", ""),
    (preflight, "--container-template"): ("debian", ""),
}
CASES = [(*words, value) for words, values in NUMBERS.items() for value in values]


@pytest.mark.parametrize("words", CASES, ids=lambda words: " ".join(words[1:]))
def test_a_value_that_is_none_is_a_wrong_command_line(world, operate, words):
    """Exit 2, the option is named, and no guest is written to."""
    verb, *rest = words
    world.call(lambda: world.pve.add_vm(100, "web", config={"tags": "environment-lab;expires-2027-01-01"}))
    run = operate(verb.main, *rest)
    assert (run.code, run.out, world.writes()) == (2, "", [])
    assert "Error: " in run.err
