# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Rules that keep the rating core pure and its tests easy to find."""

import ast
import sys
from importlib import import_module
from pathlib import Path

import fusion_rating
import pytest
from fusion_rating import CHARGE_MODELS

TESTS = Path(__file__).parent
CORE = TESTS.parents[1] / "fusion_centralize_billing" / "rating"
HEADER = "# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1."
FILES = sorted(CORE.rglob("*.py"))
# What reads a clock, the outside world or chance; float is checked as a call below.
IMPURE_MODULES = {"time", "os", "io", "random", "socket", "subprocess", "logging", "pathlib", "math"}
IMPURE_CALLS = {"now", "today", "utcnow", "open", "print", "input", "float", "eval", "exec"}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))


def nodes(path, *kinds):
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]


@each_file
def test_a_file_of_the_core_starts_with_the_licence_and_stays_short(path):
    lines = path.read_text().splitlines()
    assert lines[0] == HEADER
    assert len(lines) <= 400


@each_file
def test_the_core_imports_only_itself_and_pure_parts_of_the_standard_library(path):
    for node in nodes(path, ast.Import):
        names = {alias.name.split(".")[0] for alias in node.names}
        assert names <= sys.stdlib_module_names - IMPURE_MODULES
    for node in nodes(path, ast.ImportFrom):
        module = (node.module or "").split(".")[0]
        assert node.level > 0 or module in sys.stdlib_module_names - IMPURE_MODULES


@each_file
def test_the_core_has_no_clock_no_input_or_output_and_no_floats(path):
    for call in nodes(path, ast.Call):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        assert name not in IMPURE_CALLS
    for constant in nodes(path, ast.Constant):
        assert not isinstance(constant.value, float)


@each_file
def test_no_function_of_the_core_is_longer_than_forty_lines(path):
    for function in nodes(path, ast.FunctionDef):
        assert function.end_lineno - function.lineno < 40, function.name


# What all models share is tested for all of them at once, in test_pricing.py.
NAMED_FILES = [path for path in FILES if path.name not in {"__init__.py", "base.py"}]


@pytest.mark.parametrize("path", NAMED_FILES, ids=lambda path: path.name)
def test_each_file_of_the_core_has_its_test_file(path):
    assert (TESTS / path.relative_to(CORE).with_name(f"test_{path.name}")).exists()


@pytest.mark.parametrize("charge_model", sorted(CHARGE_MODELS))
def test_each_charge_model_has_a_file_of_its_name(charge_model):
    module = type(CHARGE_MODELS[charge_model]).__module__
    assert module == f"fusion_rating.charge_models.{charge_model}"


@pytest.mark.parametrize("charge_model", sorted(CHARGE_MODELS))
def test_each_charge_model_is_pinned_by_a_table_of_sixty_different_prices(charge_model):
    prices = import_module(f"{__package__}.charge_models.test_{charge_model}").PRICES
    assert len({(quantity, terms) for quantity, terms, _expected, _reason in prices}) == len(prices) >= 60
    assert len({reason for *_, reason in prices}) == len(prices)


def test_the_public_names_are_the_ones_others_build_on():
    assert set(fusion_rating.__all__) == {
        *("price", "check_terms", "CHARGE_MODELS", "Terms", "Tier", "Usage", "Rated", "RatedLine", "RatingError"),
        *("to_decimal", "round_half_up", "quotient", "attributed_at", "microseconds_between"),
        *("aggregate", "finish", "AGGREGATIONS", "StoredRow", "Components", "round_units", "UNIT_ROUNDINGS"),
        *("prorate_terms", "prorate_amount", "true_up", "plain_text", "has_plain_digits", "day_of", "start_of_day"),
        *("round_groups", "AMOUNT_ROUNDINGS", "NOTHING"),
        *("check_range", "MAX_STEPS", "MAX_QUANTITY", "bill_groups"),
    }
    assert all(hasattr(fusion_rating, name) for name in fusion_rating.__all__)
