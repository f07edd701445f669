# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Looks at fields, methods and names of Enterprise's subscriptions: types and signatures, no records."""

import inspect
import re

from .verdicts import CONFIRMED, DIFFERENT, NOT_FOUND, get_module, query

_OURS = re.compile("_?(x_fc|fc|edition)_")


def describe_field(env, field):
    """Return what is known of a field as a dict; parts that do not apply are left out."""
    found = {"type": field.type, "stored": bool(field.store), "readonly": bool(field.readonly)}
    if field.related:
        found["related"] = field.related if isinstance(field.related, str) else ".".join(field.related)
    elif field.compute:
        found["computed"] = field.compute if isinstance(field.compute, str) else "by a function"
    if field.relational:
        found["of"] = field.comodel_name
    if field.type == "selection":
        found["values"] = tuple(str(value) for value in field.get_values(env))
    return found | {"module": field._module or "?"}


def show(found):
    """Return a description as text."""
    parts = [
        found["type"],
        "stored" if found["stored"] else "not stored",
        "read-only" if found["readonly"] else "editable",
    ]
    parts += [f"{name} {found[name]}" for name in ("related", "computed", "of") if name in found]
    parts += ["values " + " ".join(found["values"])] if "values" in found else []
    return ", ".join([*parts, f"by {found['module']}"])


def look_at_field(env, fact):
    if fact.model not in env.registry:
        return NOT_FOUND, f"there is no model {fact.model}"
    field = env.registry[fact.model]._fields.get(fact.name)
    if field is None:
        return NOT_FOUND, _near(fact.name, env.registry[fact.model]._fields)
    found = describe_field(env, field)
    wrong = [name for name, value in {"type": fact.type, **fact.facts}.items() if not _agrees(found.get(name), value)]
    return DIFFERENT if wrong else CONFIRMED, show(found) + (f"; differs in: {', '.join(wrong)}" if wrong else "")


def _agrees(found, expected):
    return set(expected) <= set(found or ()) if isinstance(expected, tuple) else found == expected


def _near(name, names):
    """Return the names that share most words with one that is missing; none of ours."""
    words = {word for word in name.split("_") if len(word) > 3}
    shared = {other: len(words & set(other.split("_"))) for other in names if not _OURS.match(other)}
    near = sorted((other for other, count in shared.items() if count), key=lambda other: (-shared[other], other))
    return f"similar names: {', '.join(near[:8])}" if near else "nothing similar"


def get_definitions(env, model, name):
    """Return [(module, function)] of a method, the last override first; ours are left out."""
    parents = env.registry[model].__mro__
    found = [(get_module(parent), vars(parent)[name]) for parent in parents if name in vars(parent)]
    return [(module, each) for module, each in found if callable(each) and not module.startswith("fusion_")]


def look_at_method(env, fact):
    if fact.model not in env.registry:
        return NOT_FOUND, f"there is no model {fact.model}"
    definitions = get_definitions(env, fact.model, fact.name)
    if not definitions:
        return NOT_FOUND, _near(fact.name, dir(env.registry[fact.model]))
    signature = inspect.signature(definitions[0][1])
    modules = ", ".join(module for module, _function in definitions)
    return CONFIRMED if _can_be_called(signature, fact) else DIFFERENT, f"{signature} by {modules}"


def _can_be_called(signature, fact):
    """Tell whether a method takes the arguments that it is given, and needs no others."""
    try:
        if fact.by_name:
            signature.bind(None, **dict.fromkeys(fact.call))
        else:
            signature.bind(None, *fact.call)
        return True
    except TypeError:
        return False


def look_for_name(env, fact):
    pattern = re.compile(fact.pattern, re.IGNORECASE)
    names = sorted(name for name in _LISTS[fact.where](env) if pattern.search(name))
    if not names:
        return NOT_FOUND, "nothing matches"
    return CONFIRMED if fact.expected in names else DIFFERENT, ", ".join(names[:40])


def _get_subscription_methods(env):
    """Return the names of the methods that sale_subscription, or what extends it, has on orders."""
    parents = [parent for parent in env.registry["sale.order"].__mro__ if "subscription" in get_module(parent)]
    ours = [parent for parent in parents if get_module(parent).startswith("fusion_")]
    return {name for parent in parents if parent not in ours for name, each in vars(parent).items() if callable(each)}


def _get_token_fields(env):
    fields = env.registry["sale.order"]._fields.items()
    return {name for name, field in fields if field.relational and field.comodel_name == "payment.token"}


def _get_settings(env):
    """Return names of settings: fields of companies and of the settings page, and system parameters."""
    models = ("res.config.settings", "res.company")
    names = {f"{model}.{name}" for model in models for name in env.registry[model]._fields}
    return names | {key for (key,) in query(env, "SELECT key FROM ir_config_parameter")}


#: Where names are looked for.
_LISTS = {
    "methods": _get_subscription_methods,
    "models": lambda env: set(env.registry),
    "tokens": _get_token_fields,
    "settings": _get_settings,
}


def look_for_uses(env, name):
    """Find the functions of sale_subscription whose code names something, as an attribute or as a text."""
    users = set()
    for parent in env.registry["sale.order"].__mro__:
        if get_module(parent) == "sale_subscription":
            for method, each in vars(parent).items():
                code = getattr(inspect.unwrap(each), "__code__", None) if callable(each) else None
                if code and method != name and name in _get_words(code):
                    users.add(method)
    return (CONFIRMED, ", ".join(sorted(users))) if users else (NOT_FOUND, "no function of sale_subscription names it")


def _get_words(code):
    words = set(code.co_names)
    for constant in code.co_consts:
        if inspect.iscode(constant):
            words |= _get_words(constant)
        elif isinstance(constant, (str, tuple)):
            words |= {constant} if isinstance(constant, str) else set(map(str, constant))
    return words
