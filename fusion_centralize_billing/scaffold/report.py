# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import logging

from odoo.tools import plaintext2html

_logger = logging.getLogger(__name__)


class Report:
    """What people should know of an upgrade from the scaffold: in the log, and on the services' forms."""

    def __init__(self):
        self._lines = []

    def tell(self, text, service_id=None):
        """Note a sentence; one without a service is told on the forms of all."""
        _logger.info("Taken over from the scaffold: %s", text)
        self._lines.append((service_id, text))

    def publish(self, env):
        """Write the sentences on the forms of the services they concern."""
        for service in env["fusion.billing.service"].with_context(active_test=False).search([]):
            lines = [text for service_id, text in self._lines if service_id in (None, service.id)]
            text = "\n".join(["This service was taken over from the early scaffold.", *lines])
            service._message_log(body=plaintext2html(text))
