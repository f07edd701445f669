# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Make the pure packages of the addons importable without Odoo."""

import importlib.util
import os
import sys
from pathlib import Path

from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]


def load(name: str, path: Path) -> None:
    """Import a package or a module by its path: the ``__init__`` of the addon around it needs Odoo."""
    places = [str(path)] if path.is_dir() else None
    file = path / "__init__.py" if path.is_dir() else path
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=places)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


load("fusion_rating", REPOSITORY / "fusion_centralize_billing" / "rating")
load("enterprise_probe", REPOSITORY / "scripts" / "enterprise_probe")
load("fusion_jsonrpc", REPOSITORY / "fusion_centralize_billing" / "api" / "jsonrpc.py")

# The same examples in every run, so that a red build is red again; a loaded machine is no failure.
# HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", max_examples=5000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
