# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models
from odoo.exceptions import AccessDenied

_TECHNICAL_GROUPS = (
    "fusion_centralize_billing.group_billing_service",
    "fusion_centralize_billing.group_billing_customer",
)


class ResUsers(models.Model):
    _inherit = "res.users"

    # === HELPERS === #

    def _check_credentials(self, credential, env):
        """Let nobody log in as the technical user of a service, whatever he shows.

        A password is no proof here: who may write contacts can give the user an e-mail, and have a new one sent there.
        """
        if self.env.user._fc_is_technical():
            raise AccessDenied()
        return super()._check_credentials(credential, env)

    def _fc_is_technical(self):
        """Tell whether the user is nothing but a service's, or reads for its customers; people who got such a group by
        mistake can still log in.
        """
        self.ensure_one()
        return any(map(self.has_group, _TECHNICAL_GROUPS)) and not self._is_internal()
