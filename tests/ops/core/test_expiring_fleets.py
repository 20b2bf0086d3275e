"""Who is stopped, for whole fleets: by what went into each guest, and not by the parser that is judged."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ops.core.expiring import REFUSALS, Decision, Policy, decide, decide_all
from ops.core.model import Guest, GuestKind

POLICY = Policy(now=datetime(2026, 2, 16, 11, tzinfo=UTC), zone=ZoneInfo("Europe/Paris"))
TODAY = date(2026, 2, 16)
SEPARATORS = ":=-_"


@dataclass(frozen=True)
class Made:
    """A guest with what went into it, so that the rule is judged by something else than its own parser."""

    guest: Guest
    environments: int
    lab: bool
    exempt: bool
    expiries: tuple[date, ...]
    malformed: bool
    protected: bool

    @property
    def must_stop(self) -> bool:
        """The rule of DESIGN.md, read from what went in."""
        one_day = len(self.expiries) == 1 and not self.malformed
        runs = self.guest.status in {"running", "paused"} and not self.guest.template
        clean = self.environments == 1 and self.lab and not self.exempt and not self.protected
        return clean and one_day and self.expiries[0] < TODAY and runs


def spelt(dice: random.Random, tag: str) -> str:
    """The tag in any case."""
    return "".join(dice.choice((letter.upper(), letter)) for letter in tag)


def make(dice: random.Random, vmid: int) -> Made:
    """A guest with any tags, in every legal spelling and in those that PVE once let through."""
    separator = lambda: dice.choice(SEPARATORS)  # noqa: E731 - a die of its own for each tag
    environments = dice.choices(
        ("lab", "prod", "staging", ""), (12, 3, 1, 1), k=dice.choice((1, 1, 1, 1, 0, 2))
    )
    written = {f"{dice.choice(('env', 'environment'))}{separator()}{each}" for each in environments}
    days = [TODAY + timedelta(days=dice.randint(-40, 4)) for _ in range(dice.choice((1, 1, 1, 1, 0, 2)))]
    expiry = {f"expires{separator()}{day}": day for day in days}
    broken = dice.choice((None,) * 9 + ("expires-2026-02-30", "expires-soon", "expires-", "expires-2026-2-5"))
    exempt = dice.choice((None,) * 9 + ("no-expire", "no_expire", "noexpire", "no-expires"))
    tags = [
        *written,
        *expiry,
        *filter(None, (broken, exempt)),
        *dice.sample(("db", "web.1", "expired", "lab"), 2),
    ]
    dice.shuffle(tags)
    guest = Guest(
        vmid=vmid,
        name=f"g{vmid}",
        node="pve1",
        kind=dice.choice(list(GuestKind)),
        status=dice.choice(("running",) * 6 + ("paused", "stopped", "unknown")),
        tags=dice.choice((";", ",", " ", "; ")).join(spelt(dice, tag) for tag in tags),
        template=dice.random() < 0.05,
    )
    return Made(
        guest=guest,
        environments=len(written),
        lab=environments[:1] == ["lab"],
        exempt=exempt is not None,
        expiries=tuple(expiry.values()),
        malformed=broken is not None,
        protected=dice.random() < 0.1,
    )


def fleet(seed: int) -> list[Made]:
    """500 guests."""
    dice = random.Random(seed)  # noqa: S311 - the same fleet for the same seed, and no secret
    return [make(dice, 100 + number) for number in range(500)]


@pytest.mark.parametrize("seed", range(30))
def test_a_guest_is_stopped_exactly_if_the_rule_says_so(seed):
    """In 15,000 guests: never prod, unclear, exempt, protected, a template; always the expired lab guest."""
    made = fleet(seed)
    stopped = {
        each.guest.vmid
        for each in made
        if decide(each.guest, POLICY, protected=each.protected).decision is Decision.STOP
    }
    assert stopped == {each.guest.vmid for each in made if each.must_stop}
    assert stopped


@pytest.mark.parametrize("seed", range(4))
def test_every_guest_gets_one_decision_whatever_the_order(seed):
    """Neither the order of the guests nor that of their tags changes an answer, and each says why."""
    dice = random.Random(seed)  # noqa: S311
    guests = [each.guest for each in fleet(seed)]
    verdicts = decide_all(guests, POLICY)
    assert [each.guest.vmid for each in verdicts] == [guest.vmid for guest in guests]
    assert all(each.words for each in verdicts)
    assert all((each.reason in REFUSALS) == (each.decision is Decision.REFUSE) for each in verdicts)
    mixed = [replace(guest, tags=shuffled(dice, guest.tags)) for guest in dice.sample(guests, len(guests))]
    again = decide_all(mixed, POLICY)
    assert [(each.decision, each.reason, each.words) for each in again] == [
        (each.decision, each.reason, each.words) for each in verdicts
    ]


def shuffled(dice: random.Random, tags: str) -> str:
    """The same tags in another order."""
    words = tags.replace(",", " ").replace(";", " ").split()
    return ";".join(dice.sample(words, len(words)))
