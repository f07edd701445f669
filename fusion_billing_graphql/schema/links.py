# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Fields that lead to one other object, read for a whole page at once and only if its rules show it."""

from functools import partial

import graphene

from odoo.fields import Domain

from . import ids
from .listings import LISTINGS
from .scopes import needed_scope

#: What stands for a record that services do not see: a renewed order for the one that continues it.
_FOLLOWED = {"Subscription": lambda order: order.sudo()._fc_get_latest()}


def one(name, attribute, description):
    """Return the field of the object of type ``name`` that a many2one field points to; null if it is out of reach."""
    return graphene.Field(
        lambda: LISTINGS[name].object_type, description=description, resolver=partial(_resolve, name, attribute)
    )


def _resolve(name, attribute, record, info):
    def load(records):
        follow = _FOLLOWED.get(name, lambda target: target)
        targets = {item.id: follow(item[attribute]).id for item in records}
        found = find(info.context.env, name, [("id", "in", [id_ for id_ in targets.values() if id_])])
        by_id = dict(zip(found.ids, found, strict=True))
        return {id_: by_id.get(target) for id_, target in targets.items()}

    return info.context.batch(("one", record._name, attribute), record, load)


def find(env, name, domain, limit=None):
    """Return the visible records of type ``name`` that match a domain, archived ones too, with their columns."""
    listing = LISTINGS[name]
    model = listing.model_in(env).with_context(active_test=False)
    if not model.has_access("read"):
        return model.browse()
    found = model.search_fetch(Domain(listing.domain) & Domain(domain), listing.columns, limit=limit, order="id")
    return found.with_env(env)


def find_nodes(context, global_ids):
    """Return ``{global id: record}`` of those that exist, are visible, and are open to the caller's key."""
    wanted = {}
    for global_id in dict.fromkeys(global_ids):
        name, record_id = ids.decode(global_id)
        if name in LISTINGS and context.allows(needed_scope(name)):
            wanted.setdefault(name, {})[record_id] = global_id
    found = {}
    for name, by_record_id in wanted.items():
        shown = _get_shown_ids(context.env, name, by_record_id)
        records = {record.id: record for record in find(context.env, name, [("id", "in", list(shown.values()))])}
        found |= {by_record_id[asked]: records[shown_id] for asked, shown_id in shown.items() if shown_id in records}
    return found


def shown_id(env, name, record_id):
    """Return the id of the record of type ``name`` that is shown for one that is named."""
    return _get_shown_ids(env, name, [record_id])[record_id]


def _get_shown_ids(env, name, record_ids):
    """Return ``{id: id of the record that is shown for it}``."""
    if name not in _FOLLOWED:
        return {record_id: record_id for record_id in record_ids}
    # sudo: what is shown is found under the rules.
    records = LISTINGS[name].model_in(env).sudo().browse(record_ids).exists()
    return {record.id: _FOLLOWED[name](record).id for record in records}
