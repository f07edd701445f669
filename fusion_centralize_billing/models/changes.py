# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What a call of ``write`` would change: what rests on old values refuses changes, not repetitions."""


def is_other(record, name, value, current):
    """Tell whether two values of a field differ for the ORM, which takes a record, its id, and a date's text alike."""
    convert = record._fields[name].convert_to_cache
    return convert(value, record) != convert(current, record)


def get_changes(record, vals, names):
    """Return which of the fields ``names`` the values would change of a record, as a set."""
    return {name for name in names if name in vals and is_other(record, name, vals[name], record[name])}
