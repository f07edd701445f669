# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import pickle

from fusion_rating import RatingError


def test_an_error_carries_code_message_and_path():
    error = RatingError("tier_not_rising", "The tier must end above 10.", ("tiers", 1, "up_to"))
    assert (error.code, error.path) == ("tier_not_rising", ("tiers", 1, "up_to"))
    assert str(error) == error.message == "The tier must end above 10."


def test_an_error_is_a_value_error_and_has_an_empty_path_by_default():
    error = RatingError("invalid_number", "Not a number.")
    assert isinstance(error, ValueError)
    assert error.path == ()


def test_an_error_survives_pickling():
    error = pickle.loads(pickle.dumps(RatingError("code", "message", ("rows", 3))))
    assert (error.code, error.message, error.path) == ("code", "message", ("rows", 3))
