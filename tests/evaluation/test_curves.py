"""Learning curves: standing still, rising, crossing."""

from dataclasses import replace

import numpy as np
import pytest

from augfactory.evaluation.comparison.curves import CHURN, Curve, crossing, mean_curve
from augfactory.evaluation.comparison.protocol import Reading
from augfactory.evaluation.training.settings import reading_steps

STEPS = reading_steps(800)


def curve(*accuracy: float) -> Curve:
    steps = STEPS[-len(accuracy) :]
    return Curve(steps, accuracy, None, accuracy, accuracy)


def test_readings_are_three_a_doubling_and_end_with_the_last_step() -> None:
    assert reading_steps(200) == (50, 63, 79, 100, 126, 159, 200)
    assert reading_steps(150) == (50, 63, 79, 100, 126, 150)
    assert reading_steps(7) == (7,)


def test_the_rise_is_what_the_last_fifth_brought() -> None:
    # A point with each reading: the last fifth is the stretch between two readings.
    rising = curve(*[0.50 + 0.01 * place for place in range(8)])
    assert rising.rise == pytest.approx(0.01, rel=0.05)
    assert rising.rising
    assert rising.still_from is None


def test_a_rise_that_so_few_answers_cannot_tell_is_none() -> None:
    """Else an evaluation on few test images would train on for as long as it may."""
    found = curve(*[0.6 + 0.006 * place for place in range(8)])
    assert replace(found, readings=3 * 1000).rising
    assert not replace(found, readings=3 * 50).rising


@pytest.mark.parametrize(("images", "most"), [(20, 0.2), (100, 0.2), (1000, 0.2)])
def test_arms_at_rest_are_seldom_said_to_rise(images: int, most: float) -> None:
    """Of five arms of three classifiers, answers come and go; none rises."""
    random, said = np.random.default_rng(images), 0
    for _ in range(200):
        rising = False
        for _ in range(5):
            right = random.random((3, images)) < 0.6
            seen = [right.mean()]
            for _ in STEPS[-3:]:
                drawn = random.random(right.shape)
                changed = random.random(right.shape) < CHURN / 6  # as many again are redrawn alike
                right = np.where(changed, drawn < 0.6, right)
                seen.append(right.mean())
            rising |= replace(curve(*seen), readings=3 * images).rising
        said += rising
    assert said / 200 < most


def test_an_arm_stands_still_from_where_it_stays_near_its_last_accuracy() -> None:
    found = curve(0.5, 0.6, 0.699, 0.7, 0.702, 0.701, 0.7, 0.7)
    assert not found.rising
    assert found.still_from == STEPS[-6]


def test_too_few_readings_say_nothing() -> None:
    assert curve(0.5, 0.5).rise is None
    assert curve(0.5, 0.5).rising


def test_a_falling_arm_does_not_rise() -> None:
    assert not curve(*[0.8 - 0.01 * place for place in range(8)]).rising


def test_arms_cross_where_the_later_winner_takes_the_lead_for_good() -> None:
    slow, fast = curve(0.1, 0.5, 0.4, 0.7, 0.8), curve(0.3, 0.4, 0.5, 0.6, 0.6)
    assert crossing(slow, fast) == STEPS[-2]
    assert crossing(fast, slow) is None
    assert crossing(curve(0.9, 0.9), curve(0.1, 0.1)) is None  # it never was behind


def test_means_are_over_the_steps_that_all_were_read_at() -> None:
    one = [Reading(50, 0.2, 2.0, 0.5), Reading(63, 0.4, 1.0, 0.7)]
    other = [Reading(50, 0.4, 1.0, 0.7)]
    found = mean_curve([one, other])
    assert (found.steps, found.training_accuracy) == ((50,), (0.6,))
    assert found.accuracy == pytest.approx((0.3,))
    assert found.nll == (1.5,)
    assert found.std == pytest.approx((0.02**0.5,))
    assert mean_curve([one]).std is None
