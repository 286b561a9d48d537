"""What is asked for ahead is asked again only where that puts something more in flight."""

import pytest

from mrpcheck.foreseeing import Ask, Foresight, tend, using
from mrpcheck.store import Busy


class Claims:
    """Asks of `count` setups that need `blocks` blocks each, one after the other."""

    def __init__(self, count, blocks, answered=()):
        self.there, self.asked, self.answered = set(), [], set(answered)
        self.foresight = Foresight(0)
        asks = [
            Ask((i,), 0, lambda i=i: self.ask(i, blocks), None, (), lambda i=i: i in self.answered)
            for i in range(count)
        ]
        self.foresight.look(now=lambda round_: asks)

    def ask(self, setup, blocks):
        self.asked.append(setup)
        for block in range(blocks):
            name = f"{setup} {block}"
            if name not in self.there:
                raise Busy(name)
            self.foresight.found += 1

    def land(self, name, lost=False):
        if not lost:
            self.there.add(name)
        self.foresight.landed(name, lost)

    def steps(self):
        """What is asked until nothing is left to ask."""
        self.asked.clear()
        while self.foresight.step(idle=True):
            pass
        return list(self.asked)


def test_once_an_answer_is_known_to_need_one_block_nobody_asks_for_a_second():
    claims = Claims(4, blocks=1)
    assert claims.steps() == [0, 1, 2, 3]
    for i in range(3):
        claims.land(f"{i} 0")
    assert claims.steps() == [0]
    claims.land("3 0")
    assert claims.steps() == []


def test_an_answer_that_needs_two_blocks_is_asked_for_the_second():
    claims = Claims(3, blocks=2)
    claims.steps()
    for i in range(3):
        claims.land(f"{i} 0")
    assert claims.steps() == [0, 1, 2]
    claims.land("0 1")
    assert claims.steps() == [0]
    claims.land("1 1")
    assert claims.steps() == []


@pytest.mark.parametrize(("lost", "again"), [(True, [1]), (False, [])])
def test_a_block_that_was_lost_is_asked_for_again(lost, again):
    claims = Claims(2, blocks=1)
    claims.steps()
    claims.land("0 0")
    claims.steps()
    claims.land("1 0", lost=lost)
    assert claims.steps() == again


@pytest.mark.parametrize(("answered", "asked"), [((), [0, 1]), ((1,), [0])])
def test_what_the_claim_has_asked_for_itself_is_left_alone(answered, asked):
    claims = Claims(2, blocks=2)
    claims.steps()
    claims.answered.update(answered)
    for i in range(2):
        claims.land(f"{i} 0")
    assert claims.steps() == asked


def test_a_store_that_holds_some_blocks_does_not_hide_what_others_need():
    claims = Claims(2, blocks=2)
    claims.there.update({"0 0", "0 1"})
    assert claims.steps() == [0, 1]
    claims.land("1 0")
    assert claims.steps() == [1]


def test_workers_are_seen_to_between_two_answers_of_the_pool_in_use():
    seen = []
    tend()
    with using(Foresight(0, lambda: seen.append(1))):
        tend()
    tend()
    assert seen == [1]
