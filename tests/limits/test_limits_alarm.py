"""A limit stops what takes too long, leaves the rest alone, and gives the alarm back."""

import signal
import threading
import time

import pytest

from mrpcheck.limits import TimeUp, can_limit, within

pytestmark = pytest.mark.skipif(not can_limit(), reason="no alarm on this system")


def spin(seconds=10.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.005)


def test_what_takes_too_long_is_stopped():
    begun = time.monotonic()
    with pytest.raises(TimeUp), within(0.05):
        spin()
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("limit", [None, 0, 30.0])
def test_what_is_done_in_time_is_left_alone(limit):
    with within(limit):
        done = 1
    assert done == 1


def test_the_alarm_cannot_be_swallowed(monkeypatch):
    monkeypatch.setattr("mrpcheck.limits.AGAIN", 0.02)

    def swallow():
        for _ in range(2):
            try:
                spin(0.5)
            except BaseException:
                continue
        return "done"

    with pytest.raises(TimeUp), within(0.02):
        swallow()


def test_an_alarm_turned_into_something_else_is_an_alarm_still():
    with pytest.raises(TimeUp), within(0.02):
        try:
            spin()
        except TimeUp:
            raise ValueError("what it really was is hidden") from None


def test_another_error_and_an_interrupt_pass_through():
    with pytest.raises(ValueError, match="mine"), within(30):
        raise ValueError("mine")
    with pytest.raises(KeyboardInterrupt), within(30):
        raise KeyboardInterrupt


def test_a_timer_and_a_handler_that_were_there_before_go_on():
    rung = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with within(30):
            pass
        with pytest.raises(TimeUp), within(0.02):
            spin()
        assert not rung
        spin(0.2)
        assert rung == [1]
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_another_thread_has_no_limit():
    found = []

    def work():
        with within(0.01):
            spin(0.05)
            found.append(can_limit())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
