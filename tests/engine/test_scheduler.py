"""Jobs side by side: one goes on at a time, questions are answered together, and trouble stays with whom it belongs."""

import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue

import pytest

from webui.core.stopping import stop_point
from webui.engine.scheduler import BatchScheduler
from webui.engine.slot import Hung
from webui.errors import JobCancelled


class Adding:
    """Passes that add one; remembers which calls went together. Calls `bad` fail, and so does any pass with one."""

    def __init__(self):
        self.passes = []
        self.restored = []

    def group_forward(self, calls):
        kinds = dict.fromkeys(isinstance(call, float) for call in calls)
        return [[place for place, call in enumerate(calls) if isinstance(call, float) is kind] for kind in kinds]

    def execute_forward(self, calls):
        self.passes.append(list(calls))
        while "endless" in calls:
            stop_point()
            time.sleep(0.001)
        if "bad" in calls:
            raise ValueError("bad")
        return [call + 1 for call in calls]

    def group_decode(self, decodings):
        """Those of a kind (its first letter), three at once."""
        kinds = dict.fromkeys(decoding.kind[0] for decoding in decodings)
        return [[place for place, one in enumerate(decodings) if one.kind[0] == kind][:3] for kind in kinds]

    def execute_decode(self, decodings):
        self.passes.append([one.kind for one in decodings])
        if any("bad" in one.kind for one in decodings):
            raise ValueError("bad")
        return [one.kind.upper() for one in decodings]

    def rows(self, call):
        return 1

    def rng_state(self):
        return threading.get_ident()

    def restore_rng_state(self, state):
        self.restored.append(state)


@dataclass
class Picture:
    """To be decoded: alone it takes `seconds`."""

    kind: str
    seconds: float = 0.0

    def execute(self):
        time.sleep(self.seconds)
        if "bad" in self.kind:
            raise ValueError("bad")
        return self.kind


class Hall:
    """A scheduler with its jobs, run until all of them have ended."""

    def __init__(self, **options):
        self.inbox, self.passes, self.stopped, self.ended, self.abandoned = SimpleQueue(), Adding(), set(), [], []
        self.scheduler = BatchScheduler(
            self.inbox, self.passes, self.take, self.leave, self.stopped.__contains__, self.abandoned.append, **options
        )
        self.errors = {}

    def take(self, message):
        message()

    def leave(self, slot):
        self.ended.append(slot.job_id)
        self.scheduler.stopping = not self.scheduler.slots

    def job(self, name, work):
        def guarded(slot):
            try:
                work(slot)
            except BaseException as error:
                self.errors[name] = error

        self.scheduler.start_job(name, guarded)

    def arrive(self, name, work, more):
        """Web's message with a job; `more`: it says that another follows."""
        self.job(name, work)
        self.scheduler.expecting = more

    def run(self):
        watchdog = threading.Timer(60, lambda: setattr(self.scheduler, "stopping", True))
        watchdog.start()
        self.scheduler.run()
        watchdog.cancel()


@pytest.fixture
def hall():
    return Hall()


def asking(answers, *calls):
    def work(slot):
        for call in calls:
            answers.append(slot.predict(call))

    return work


def test_questions_of_one_round_are_answered_by_one_pass(hall):
    first, second = [], []
    hall.job("a", asking(first, 1, 2, 3))
    hall.job("b", asking(second, 10, 20))
    hall.run()
    assert (first, second) == ([2, 3, 4], [11, 21])
    assert hall.passes.passes == [[1, 10], [2, 20], [3]]
    assert hall.scheduler.stats.model_dump(include={"passes", "answered"}) == {"passes": 3, "answered": 5}


def test_questions_of_another_shape_get_a_pass_of_their_own(hall):
    answers = []
    hall.job("a", asking(answers, 1))
    hall.job("b", asking(answers, 1.5))
    hall.run()
    assert hall.passes.passes == [[1], [1.5]]


def joining(hall, answers, *calls):
    """Work that lets another job come while it runs, then asks."""

    def work(slot):
        hall.inbox.put(lambda: hall.arrive("b", asking(answers, *calls), more=False))
        answers.append(slot.predict(1))

    return work


def test_jobs_that_are_announced_share_the_first_pass(hall):
    answers = []
    hall.arrive("a", joining(hall, answers, 10), more=True)
    hall.run()
    assert hall.passes.passes == [[1, 10]]


def test_a_job_that_nobody_announced_comes_after_the_step(hall):
    answers = []
    hall.arrive("a", joining(hall, answers, 10), more=False)
    hall.run()
    assert hall.passes.passes == [[1], [10]]


def test_a_job_that_was_announced_and_fails_to_come_is_not_waited_for(hall):
    answers = []
    hall.arrive("a", asking(answers, 1), more=True)
    hall.run()
    assert answers == [2]


def test_a_job_that_comes_while_a_text_is_encoded_shares_the_next_pass(hall):
    answers = []

    def encoder(slot):
        slot.run_on_device(lambda: hall.inbox.put(lambda: hall.arrive("b", asking(answers, 10), more=False)))
        answers.append(slot.predict(1))

    hall.job("a", encoder)
    hall.run()
    assert hall.passes.passes == [[1, 10]]


def test_a_job_joins_between_two_steps_and_knows_how_many_shared(hall):
    shared = {}

    def first(slot):
        slot.reset_batch_stats()
        slot.predict(1)
        shared["before"] = slot.peak_batch_jobs
        hall.inbox.put(lambda: hall.job("b", asking([], 10)))
        for call in range(2, 6):
            slot.predict(call)
        shared["after"] = slot.peak_batch_jobs
        slot.reset_batch_stats()
        shared["next"] = slot.peak_batch_jobs

    hall.job("a", first)
    hall.run()
    assert any(len(calls) == 2 for calls in hall.passes.passes)
    assert shared == {"before": 1, "after": 2, "next": 1}


def test_only_one_job_goes_on_at_a_time(hall):
    inside, seen = [], []

    def work(name):
        def run(slot):
            for call in range(20):
                inside.append(name)
                seen.append(len(inside))
                time.sleep(0.0005)
                inside.remove(name)
                slot.predict(call)

        return run

    for name in "abc":
        hall.job(name, work(name))
    hall.run()
    assert set(seen) == {1} and len(seen) == 60


def test_what_a_job_does_aside_goes_on_beside_the_others(hall):
    waits, order = threading.Event(), []

    def saver(slot):
        slot.run_off_device(lambda: waits.wait(30))
        order.append("saved")

    def sampler(slot):
        for call in range(5):
            slot.predict(call)
        order.append("sampled")
        waits.set()

    hall.job("a", saver)
    hall.job("b", sampler)
    hall.run()
    assert order == ["sampled", "saved"]


def test_a_pass_that_fails_is_tried_again_for_each_job_alone(hall):
    answers = []
    hall.job("good", asking(answers, 1, 2))
    hall.job("bad", asking([], "bad"))
    hall.run()
    assert answers == [2, 3] and isinstance(hall.errors["bad"], ValueError) and "good" not in hall.errors


def test_an_error_in_an_errand_is_raised_in_its_job(hall):
    answers = []

    def work(slot):
        slot.run_on_device(lambda: 1 / 0)

    hall.job("bad", work)
    hall.job("good", asking(answers, 1))
    hall.run()
    assert isinstance(hall.errors["bad"], ZeroDivisionError) and answers == [2]


def test_a_stopped_job_leaves_without_another_step(hall):
    answers = []

    def work(slot):
        slot.predict(1)
        hall.stopped.add("a")
        slot.predict(2)

    hall.job("a", work)
    hall.job("b", asking(answers, 10, 20, 30))
    hall.run()
    assert isinstance(hall.errors["a"], JobCancelled) and answers == [11, 21, 31]
    assert all(2 not in calls for calls in hall.passes.passes)


def test_a_pass_ends_early_once_all_whom_it_is_for_were_stopped(hall):
    """One step of a picture of 4096 pixels a side takes many minutes on a CPU: Stop did nothing, and everybody waited."""
    answers = []
    hall.job("a", asking([], "endless"))
    hall.job("b", asking(answers, 1.5, 2.5))
    threading.Timer(0.05, hall.stopped.add, ["a"]).start()
    hall.run()
    assert isinstance(hall.errors["a"], JobCancelled) and answers == [2.5, 3.5] and list(hall.errors) == ["a"]


def test_what_is_done_on_the_device_alone_ends_early_too(hall):
    def endless():
        while True:
            stop_point()
            time.sleep(0.001)

    hall.job("a", lambda slot: slot.run_on_device(endless))
    threading.Timer(0.05, hall.stopped.add, ["a"]).start()
    hall.run()
    assert isinstance(hall.errors["a"], JobCancelled)


def test_errands_hold_a_step_up_for_no_longer_than_one_of_them(hall):
    order = []

    def decoder(slot):
        for number in range(4):
            slot.run_on_device(lambda number=number: (time.sleep(0.08), order.append(f"device_task {number}")))

    def sampler(slot):
        for call in range(6):
            slot.predict(call)
            order.append("step")

    hall.job("a", sampler)
    hall.job("b", decoder)
    hall.run()
    places = [order.index(f"device_task {number}") for number in range(4)]
    assert all("step" in order[left:right] for left, right in zip(places, places[1:], strict=False)), order


def decoding(pictures, picture):
    def work(slot):
        pictures.append(slot.decode(picture))

    return work


def test_pictures_that_are_ready_together_are_decoded_by_one_call(hall):
    pictures = []
    for name in ("a1", "b1", "a2", "a3", "a4"):
        hall.job(name, decoding(pictures, Picture(name)))
    hall.run()
    assert hall.passes.passes == [["a1", "a2", "a3"]]
    assert sorted(pictures) == ["A1", "A2", "A3", "a4", "b1"]


def test_a_call_for_several_pictures_that_fails_is_made_for_each_alone(hall):
    pictures = []
    for name in ("a1", "a2 bad", "a3"):
        hall.job(name, decoding(pictures, Picture(name)))
    hall.run()
    assert sorted(pictures) == ["a1", "a3"] and list(hall.errors) == ["a2 bad"]


def test_a_picture_of_a_stopped_job_is_not_decoded(hall):
    pictures = []
    hall.stopped.add("a2")
    for name in ("a1", "a2", "a3"):
        hall.job(name, decoding(pictures, Picture(name)))
    hall.run()
    assert sorted(pictures) == ["A1", "A3"] and isinstance(hall.errors["a2"], JobCancelled)


def test_while_others_wait_for_a_step_no_more_is_decoded_than_fits_its_time(hall):
    """The first alone, to learn how long one takes; at 40 ms two do not fit into what is left of the device tasks' time."""
    pictures = []
    for name in ("a1", "a2", "a3"):
        hall.job(name, decoding(pictures, Picture(name, seconds=0.04)))
    hall.job("steps", lambda slot: [slot.predict(number) for number in range(6)])
    hall.run()
    assert pictures == ["a1", "a2", "a3"]
    assert all(len(one) == 1 for one in hall.passes.passes)


def test_alone_waits_for_the_others_and_closes_the_engine(hall):
    order = []

    def work(slot):
        slot.acquire_exclusive()
        order.append(("alone", hall.scheduler.draining))

    def other(slot):
        for call in range(4):
            slot.predict(call)
        order.append("other")

    hall.job("a", work)
    hall.job("b", other)
    hall.run()
    assert order == ["other", ("alone", True)] and not hall.scheduler.draining


def test_two_that_want_to_be_alone_get_it_one_after_the_other(hall):
    order = []

    def work(slot):
        slot.acquire_exclusive()
        order.append(slot.predict(1))

    hall.job("a", work)
    hall.job("b", work)
    hall.run()
    assert order == [2, 2] and hall.passes.passes == [[1], [1]]


def test_a_job_that_runs_for_long_holds_nobody_up():
    hall, answers = Hall(), []
    done = threading.Event()

    def slow(slot):
        done.wait(30)

    def quick(slot):
        asking(answers, 1, 2)(slot)
        done.set()

    hall.job("slow", slow)
    hall.job("quick", quick)
    hall.run()
    assert answers == [2, 3] and hall.ended == ["quick", "slow"]


def test_a_loop_that_never_asks_is_failed_alone():
    hall, answers = Hall(hung_after_s=1.5), []

    def hanging(slot):
        while True:
            pass

    hall.job("hangs", hanging)
    hall.job("fine", asking(answers, 1, 2))
    hall.run()
    assert isinstance(hall.errors["hangs"], Hung) and answers == [2, 3] and hall.abandoned == []


def test_a_job_that_python_cannot_reach_is_abandoned():
    hall, never = Hall(hung_after_s=0.5), threading.Event()
    hall.job("hangs", lambda slot: never.wait(30))
    hall.run()
    assert [slot.job_id for slot in hall.abandoned] == ["hangs"] and hall.ended == ["hangs"]
    never.set()


def test_each_job_finds_its_own_random_numbers(hall):
    hall.job("a", asking([], 1, 2))
    hall.job("b", asking([], 1, 2))
    hall.run()
    assert hall.passes.restored[:2] == [None, None] and set(hall.passes.restored[2:]) == {threading.get_ident()}


def test_a_lone_job_is_not_burdened_with_the_random_numbers_of_others(hall):
    hall.job("a", asking([], *range(5)))
    hall.run()
    assert hall.passes.restored == [None]


def test_the_engines_time_is_shared_by_those_in_a_pass(hall):
    seconds = {}

    def work(slot):
        for call in range(3):
            slot.predict(call)
        seconds[slot.job_id] = slot.seconds

    hall.job("a", work)
    hall.job("b", work)
    hall.run()
    assert seconds["a"] == pytest.approx(seconds["b"]) and sum(seconds.values()) == pytest.approx(hall.scheduler.stats.seconds)
