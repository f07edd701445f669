# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import SUPERUSER_ID, api
from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

from .shape import MODULE

#: Models of what a version of an addon brings for itself, in the order in which they can be removed.
_OWN = (
    "ir.ui.menu",
    "ir.cron",
    "ir.actions.server",
    "ir.actions.act_window.view",
    "ir.actions.act_window",
    "ir.actions.client",
    "ir.actions.act_url",
    "ir.actions.report",
    "ir.ui.view",
    "ir.model.access",
    "ir.rule",
    "ir.sequence",
    "res.groups",
    "res.groups.privilege",
    "ir.module.category",
)


def remove(cr):
    """Remove the scaffold's views, menus, actions, crons, rights, groups and sequences.

    Odoo would do so at the end of the upgrade, but not with what is marked as not to be updated, as crons are; and
    until then this version's records of the same names would be taken for those. What people work with (metrics that
    the scaffold's data brought, for example) stays, and is kept from Odoo.
    """
    env = api.Environment(cr, SUPERUSER_ID, {MODULE_UNINSTALL_FLAG: True, "active_test": False})
    for model in _OWN:
        for record_id in _find(cr, model):
            env[model].browse(record_id).exists().unlink()
    env.flush_all()
    # What Odoo has noted of the old tables' constraints: it would drop those of the new ones by their names.
    cr.execute(
        "DELETE FROM ir_model_constraint WHERE module = (SELECT id FROM ir_module_module WHERE name = %s)", [MODULE]
    )
    cr.execute("DELETE FROM ir_model_data WHERE module = %s AND model IN %s", [MODULE, (*_OWN, "ir.model.constraint")])
    cr.execute(
        r"UPDATE ir_model_data SET noupdate = TRUE WHERE module = %s AND model NOT LIKE 'ir.%%'",
        [MODULE],
    )


def _find(cr, model):
    """Return ids, the youngest first: parents come before their children."""
    cr.execute(
        "SELECT DISTINCT res_id FROM ir_model_data WHERE module = %s AND model = %s ORDER BY res_id DESC",
        [MODULE, model],
    )
    return [record_id for (record_id,) in cr.fetchall()]
