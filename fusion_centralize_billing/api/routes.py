# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The table of operations as REST paths."""

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from .operations import OPERATIONS, Operation

# A path with an empty part leads nowhere: werkzeug would send the client elsewhere, with a redirect.
_ROUTES = Map(
    [Rule(operation.path, methods=[operation.verb], endpoint=operation) for operation in OPERATIONS.values()],
    merge_slashes=False,
)


def match(path: str, method: str) -> tuple[Operation, dict[str, str]]:
    """Return the operation of a path below the base, and the arguments in the path.

    :raises HTTPException: werkzeug's NotFound, or MethodNotAllowed with the methods that there are
    """
    return _ROUTES.bind("").match(f"/{path}", method)


def is_readonly(path: str, method: str) -> bool:
    """Tell whether a request writes nothing, as those do that lead nowhere."""
    try:
        operation, _path_arguments = match(path, method)
    except HTTPException:
        return True
    return operation.readonly
