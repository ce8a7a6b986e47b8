"""What every error of the house can do: say three things, be put in other words, say where."""

from __future__ import annotations

import pickle

from recyclekit.errors import QuotaError, RecyclekitError, RetryableError


def test_an_error_says_what_why_and_what_to_do() -> None:
    error = RecyclekitError("It broke.", why="It was old.", fix="Take another.")
    assert str(error) == "It broke. It was old. Take another."
    assert str(RecyclekitError("It broke.", fix="Take another?.")) == "It broke. Take another?"


def test_no_part_of_an_error_keeps_the_words_that_it_had() -> None:
    error = QuotaError("Key abc refused.", why="abc is old.", fix="Not abc.")
    error.reword(lambda part: part.replace("abc", "***"))
    assert "abc" not in repr(error) + str(error) + "".join(map(str, vars(error).values()))
    assert str(error) == "Key *** refused. *** is old. Not ***."


def test_where_it_happened_is_said_first_and_the_rest_stays() -> None:
    error = RetryableError("No answer.", why="Busy.", retry_after=3.0)
    error.preface("crm.yaml:4:9")
    assert str(error) == "crm.yaml:4:9: No answer. Busy."
    assert (error.what, error.retry_after) == ("crm.yaml:4:9: No answer.", 3.0)


def test_an_error_that_crosses_processes_arrives_whole() -> None:
    error = pickle.loads(pickle.dumps(QuotaError("Spent.", why="A day.", fix="Wait.")))
    assert (str(error), error.what, error.fix) == ("Spent. A day. Wait.", "Spent.", "Wait.")
