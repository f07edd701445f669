# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The policy of deprecation, checked on any schema: see readme/USAGE.md."""

import re

from graphql import is_enum_type, is_input_object_type, is_interface_type, is_object_type

_REASON = re.compile(r"Use (?:(?P<owner>\w+)\.)?(?P<name>\w+); goes with version (?P<major>\d+)\.(?P<minor>\d+)\.")


def find_faults(schema, version):
    """Return a text for each deprecated part of a schema that breaks the policy in a version, ``(major, minor)``."""
    faults = []
    for name, reason, siblings in _deprecated_parts(schema):
        fault = _fault_of(schema, reason, siblings, version)
        if fault:
            faults.append(f"{name}: {fault}: {reason!r}")
    return faults


def _fault_of(schema, reason, siblings, version):
    told = _REASON.fullmatch(reason)
    if not told:
        return "the reason does not say what to use and when it goes"
    if told["owner"]:
        siblings = _parts_of(schema.type_map.get(told["owner"]))
    replacement = siblings.get(told["name"])
    if replacement is None:
        return "the replacement does not exist"
    if replacement.deprecation_reason is not None:
        return "the replacement is deprecated, too"
    if (int(told["major"]), int(told["minor"])) <= version:
        return "it should have gone"
    return None


def _deprecated_parts(schema):
    """Yield ``(name, reason, parts beside it)`` of all fields, arguments and values that are deprecated."""
    for type_ in schema.type_map.values():
        parts = _parts_of(type_)
        for name, part in parts.items():
            if part.deprecation_reason is not None:
                yield f"{type_.name}.{name}", part.deprecation_reason, parts
            arguments = getattr(part, "args", {})
            for argument, details in arguments.items():
                if details.deprecation_reason is not None:
                    yield f"{type_.name}.{name}({argument})", details.deprecation_reason, arguments


def _parts_of(type_):
    if is_enum_type(type_):
        return type_.values
    if is_object_type(type_) or is_interface_type(type_) or is_input_object_type(type_):
        return type_.fields
    return {}
