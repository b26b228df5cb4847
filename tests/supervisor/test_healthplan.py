"""What a job says of its tests and what its image says become one plan."""

from __future__ import annotations

import pytest

from runtime.errors import SpecError
from runtime.images.config import Healthcheck as ImageHealthcheck
from supervisor.healthplan import HealthPlan, health_plan, merged_healthcheck
from supervisor.policies import Healthcheck
from tests.supervisor.test_containerspec import image

SHELL = ("/bin/sh", "-c", "test -e /ready")
OF_IMAGE = ImageHealthcheck(
    test=("CMD-SHELL", "test -e /ready"), interval=1_500_000_000, start_interval=250_000_000
)


def test_an_image_s_test_is_the_job_s() -> None:
    """Its times are nanoseconds; what it leaves out has Docker's defaults."""
    plan = health_plan(None, image(healthcheck=OF_IMAGE))
    assert plan == HealthPlan(test=SHELL, interval=1.5, start_interval=0.25)
    assert (plan.timeout, plan.retries) == (30, 3)


def test_a_job_has_the_last_word_key_by_key() -> None:
    """What it does not say is as in the image."""
    of_image = image(healthcheck=OF_IMAGE)
    plan = health_plan(Healthcheck(retries=7, interval=0.1), of_image)
    assert plan == HealthPlan(test=SHELL, interval=0.1, start_interval=0.25, retries=7)
    plan = health_plan(Healthcheck(test=("true",)), of_image)
    assert plan == HealthPlan(test=("true",), interval=1.5, start_interval=0.25)
    assert health_plan(Healthcheck(test=SHELL, timeout=2), None) == HealthPlan(
        test=SHELL, timeout=2
    )


def test_nothing_is_tested_where_one_says_so() -> None:
    """A job can take the image's test away; one can bring a test that the image takes away."""
    none = image(healthcheck=ImageHealthcheck(test=("NONE",)))
    assert health_plan(None, None) is None
    assert health_plan(None, image()) is None
    assert health_plan(None, none) is None
    assert health_plan(Healthcheck(disable=True), image(healthcheck=OF_IMAGE)) is None
    assert health_plan(Healthcheck(test=("true",)), none) == HealthPlan(test=("true",))


def test_what_cannot_be_tested_is_said() -> None:
    """Times without a test, and an image's test that is none."""
    with pytest.raises(SpecError, match="healthcheck: has no test, and the image has none"):
        health_plan(Healthcheck(retries=1), image())
    with pytest.raises(SpecError, match=r"image\.Healthcheck: a list begins with 'CMD'"):
        health_plan(None, image(healthcheck=ImageHealthcheck(test=("true",))))


def test_an_image_made_of_it_has_the_same_plan() -> None:
    """What both have said can be said in an image's words."""
    own = Healthcheck(test=("a", "b"), timeout=0.1, retries=2, start_period=1.25)
    merged = merged_healthcheck(own, OF_IMAGE)
    assert merged is not None
    assert merged.test == ("CMD", "a", "b")
    assert health_plan(None, image(healthcheck=merged)) == health_plan(
        own, image(healthcheck=OF_IMAGE)
    )
