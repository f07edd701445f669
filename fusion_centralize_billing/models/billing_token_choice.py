# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, models
from odoo.exceptions import ValidationError


class BillingTokenChoice(models.AbstractModel):
    """Records that say which saved payment method may be charged: none is unless it was chosen.

    An e-mail address is enough for a service to reach a contact, so that a contact's cards say nothing about whose
    invoices they pay. A model names its two fields; its records have a ``partner_id`` and a ``company_id``.
    """

    _name = "fusion.billing.token.choice"
    _description = "Choice of a Saved Payment Method"

    #: The chosen token, and the partner of who has chosen it.
    _token_field = None
    _chooser_field = None

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        for record, vals in zip(records, vals_list, strict=True):
            if vals.get(self._token_field):
                record._fc_note_chooser(vals)
        return records

    def write(self, vals):
        result = super().write(vals)
        if self._token_field in vals:
            self._fc_note_chooser(vals)
        return result

    # === HELPERS === #

    def _fc_note_chooser(self, vals):
        """Note that the user has chosen, unless code has told who it was."""
        if self._chooser_field not in vals:
            chooser = vals[self._token_field] and self.env.user.partner_id.id
            # sudo: people choose, nobody writes by hand who has.
            self.sudo().write({self._chooser_field: chooser})

    def _fc_fits(self, token):
        """Tell whether a token is of the record's customer and company."""
        self.ensure_one()
        return (
            token.partner_id.commercial_partner_id == self.partner_id.commercial_partner_id
            and token.company_id == self.company_id
        )

    def _fc_check_token(self):
        # sudo: whoever changes the customer need not read tokens.
        for record in self.sudo().filtered(self._token_field):
            if not record._fc_fits(record[self._token_field]):
                raise ValidationError(
                    self.env._("The saved payment method belongs to another customer, or to another company.")
                )
