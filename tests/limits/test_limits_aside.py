"""Work for somebody else inside a limit: its time is not counted, and the limit goes on after."""

import signal
import time

import pytest

from mrpcheck.limits import TimeUp, aside, within


def test_time_aside_is_not_counted():
    with within(0.5):
        with aside():
            time.sleep(0.8)
        time.sleep(0.05)


def test_the_limit_goes_on_afterwards():
    with pytest.raises(TimeUp), within(0.3):
        with aside():
            time.sleep(0.05)
        time.sleep(5)


def test_work_aside_has_a_limit_of_its_own():
    begun = time.monotonic()
    with within(3):
        with aside(), pytest.raises(TimeUp), within(0.2):
            time.sleep(5)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 2
    assert time.monotonic() - begun < 3


def test_without_a_limit_there_is_no_alarm_afterwards():
    with aside():
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
