# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, models

from ..api.errors import BusinessRuleError
from ..scaffold.shape import check_taken_over
from .changes import get_changes, is_other


class BillingGuarded(models.AbstractModel):
    """Fields that only code writes, since they say what is billed, and whose it is.

    Users reach every field of a record that they may write over Odoo's RPC: ``readonly`` concerns views only.
    Code that has to write a guarded field does so with sudo(). Computed fields may be guarded, too: the ORM
    stores what it computes without calling write(). A fixed field is given by whoever makes the record, and
    guarded from then on.

    Community's subscriptions have a mixin of their own (``fusion.subscription.guarded``): this addon depends on
    them, and on Enterprise on a binding without models, so that neither can lend the other one.
    """

    _name = "fusion.billing.guarded"
    _description = "Fields Written by Billing Only"

    #: Whether people move records to companies only in which they may write them. Odoo's own models go by its rules.
    _fc_is_confined = False

    # === CRUD === #

    def init(self):
        super().init()
        if self._name == "fusion.billing.guarded":
            # The first model of this addon: no table was touched yet, whether upgrade scripts were run or not.
            check_taken_over(self.env.cr)

    @api.model
    def default_get(self, fields):
        """Let no client's context and no default that users keep for themselves fill in a guarded field.

        Odoo leaves out the former when code turns to sudo() (``Environment.__call__``), the latter never.
        """
        guarded = self._fc_get_guarded_fields()
        own = {name: self._fields[name].default for name in fields if name in guarded}
        return {
            **super().default_get([name for name in fields if name not in guarded]),
            **{name: default(self) for name, default in own.items() if default},
        }

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            # Who may not create anything hears of that first.
            self.browse().check_access("create")
            for vals in vals_list:
                given = {name: vals[name] for name in self._fc_get_guarded_fields() if vals.get(name)}
                entitled = self._fc_get_entitled_values(vals) if given else {}
                self._fc_refuse_by_hand(
                    name for name in given if is_other(self, name, given[name], entitled.get(name, False))
                )
        return super().create(vals_list)

    def write(self, vals):
        """Refuse a user's change of a guarded field; a value that is there already does not matter.

        :raises BusinessRuleError: ``field_not_writable``
        """
        if self.env.su:
            return super().write(vals)
        names = (self._fc_get_guarded_fields() | self._fc_get_fixed_fields()) & set(vals)
        if names:
            self.check_access("write")
        for record in self if names else ():
            self._fc_refuse_by_hand(get_changes(record, vals, names))
        result = super().write(vals)
        if self._fc_is_confined and "company_id" in vals:
            # Odoo asks the rules what a record was, not what it becomes.
            self.check_access("write")
        return result

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        """Return the names of the fields that only code writes, as a set."""
        return set()

    @api.model
    def _fc_get_fixed_fields(self):
        """Return the names of the fields that people give a new record, and only code changes, as a set."""
        return set()

    @api.model
    def _fc_get_entitled_values(self, vals):
        """Return the values of guarded fields that a user's new record has a right to."""
        return {}

    @api.model
    def _fc_refuse_by_hand(self, names):
        labels = {name: self._fields[name]._description_string(self.env) for name in names}
        if labels:
            raise BusinessRuleError(
                self.env._("Billing keeps this itself, nobody writes it: %s", ", ".join(sorted(labels.values()))),
                code="field_not_writable",
                path=min(labels),
            )
