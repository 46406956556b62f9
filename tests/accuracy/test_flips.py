from __future__ import annotations

import pytest

from pytest_vizart.accuracy.flips import object_changes
from pytest_vizart.records.outcome import MAX_ERRORS, ObjectChanges


def test_objects_that_changed_sides():
    changes = object_changes(["coin 0 0 9 9"], [], ["coin 20 0 29 9"], [])
    assert changes == ObjectChanges(newly_missed=("coin 20 0 29 9",), newly_found=("coin 0 0 9 9",))


def test_two_alike_are_two():
    assert object_changes(["coin 0 0 9 9"], [], ["coin 0 0 9 9"] * 2, []).newly_missed == ("coin 0 0 9 9",)


def test_a_false_positive_that_moved_a_little_is_the_same_one():
    changes = object_changes([], ["pale coin 0 0 100 100"], [], ["pale coin 3 2 103 99", "pale coin 300 2 400 99"])
    assert changes.new_false_positives == ("pale coin 300 2 400 99",)


def test_one_former_false_positive_serves_once():
    changes = object_changes([], ["coin 0 0 100 100"], [], ["coin 1 0 100 100", "coin 2 0 100 100"])
    assert changes.new_false_positives == ("coin 2 0 100 100",)


def test_another_class_or_a_far_place_is_new():
    changes = object_changes([], ["coin 0 0 100 100"], [], ["key 0 0 100 100", "coin 60 0 160 100"])
    assert changes.new_false_positives == ("key 0 0 100 100", "coin 60 0 160 100")


@pytest.mark.parametrize("position", range(4))
def test_a_list_that_was_cut_off_says_nothing(position):
    full = tuple(f"coin {number} 0 {number + 9} 9" for number in range(MAX_ERRORS))
    lists = [()] * 4
    lists[position] = full
    assert object_changes(*lists) is None


def test_of_two_equal_ones_one_moved_a_little():
    changes = object_changes([], ["coin 0 0 100 100"] * 2, [], ["coin 0 0 100 100", "coin 1 0 101 100"])
    assert changes == ObjectChanges()


def test_names_without_a_place_are_compared_as_they_are():
    assert object_changes([], ["a b c d e"], [], ["a b c d f"]).new_false_positives == ("a b c d f",)
