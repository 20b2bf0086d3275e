"""A modelled host's rotation by the real code, in a time that passes at once."""

import itertools

import pytest

from ops.adapters import rotation_journal
from ops.runs.rotation import run as rotation
from ops.runs.rotation.host import Waits
from tests.ops.rotation.model import HOST, ModelDoor, order_for

TAGS = itertools.count()


@pytest.fixture
def rotate(tmp_path):
    """Rotate the keys of a modelled host; `waited` tells for how long it was waited for."""

    def run(host, order=None, waited=None):
        now = [0.0]

        def sleep(seconds):
            now[0] += seconds
            if waited is not None:
                waited.append(seconds)

        journal = rotation_journal.begin(tmp_path, f"t{next(TAGS)}", {})
        waits = Waits(sleep=sleep, clock=lambda: now[0])
        return rotation.rotate_one(HOST, order or order_for(), journal, ModelDoor(host), waits)

    return run
