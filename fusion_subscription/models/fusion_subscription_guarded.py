# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, models
from odoo.exceptions import UserError


class FusionSubscriptionGuarded(models.AbstractModel):
    """Fields that only code writes, since they say what is billed: users reach every field over Odoo's RPC.

    ``readonly`` of a field concerns its views only. Code that has to write one does so with sudo().
    Computed fields may be guarded too: the ORM stores what it computes without calling write().
    """

    _name = "fusion.subscription.guarded"
    _description = "Fields Written by Subscriptions Only"

    # === CRUD === #

    @api.model
    def default_get(self, fields):
        """Let no client's context and no default that users keep for themselves fill in a guarded field.

        Odoo leaves out the former when code turns to sudo() (``Environment.__call__``), the latter never.
        """
        guarded = self._get_guarded_fields()
        own = {name: self._fields[name].default for name in fields if name in guarded}
        return {
            **super().default_get([name for name in fields if name not in guarded]),
            **{name: default(self) for name, default in own.items() if default},
        }

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            # Who may not create anything hears of that first
            self.browse().check_access("create")
            for vals in vals_list:
                given = {name: vals[name] for name in self._get_guarded_fields() if vals.get(name)}
                entitled = self._get_entitled_values(vals) if given else {}
                self._refuse_by_hand(name for name in given if given[name] != entitled.get(name))
        return super().create(vals_list)

    def write(self, vals):
        """Refuse a user's change of a guarded field; a value that is there already does not matter.

        :raise UserError: if a guarded field would change
        """
        names = [] if self.env.su else [name for name in self._get_guarded_fields() if name in vals]
        if names:
            self.check_access("write")
            self._refuse_by_hand(name for name in names if any(record._is_changed(name, vals) for record in self))
        return super().write(vals)

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        """Return the names of the fields that only code writes, as a set."""
        return set()

    @api.model
    def _get_entitled_values(self, vals):
        """Return the values of guarded fields that a user's new record has a right to."""
        return {}

    @api.model
    def _refuse_by_hand(self, names):
        labels = sorted(self._fields[name]._description_string(self.env) for name in names)
        if labels:
            raise UserError(self.env._("Subscriptions keep this themselves, nobody writes it: %s", ", ".join(labels)))

    def _is_changed(self, name, vals):
        field = self._fields[name]
        return field.convert_to_cache(vals[name], self) != field.convert_to_cache(self[name], self)
