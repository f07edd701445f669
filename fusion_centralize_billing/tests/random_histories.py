# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""How the tests of both editions make up histories: the same ones in every run, others each time if asked for more."""

import os

from hypothesis import HealthCheck, Phase, settings

#: FUSION_EXAMPLES=500 makes up more histories, and others each time.
EXAMPLES = int(os.environ.get("FUSION_EXAMPLES", "20"))
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize="FUSION_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)


class UndoneError(Exception):
    """Ends the savepoint of an example."""
