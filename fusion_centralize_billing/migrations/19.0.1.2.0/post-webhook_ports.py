# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Webhooks go to web ports only from now on: the ports that services use already are added to the setting."""

import logging

from odoo.addons.fusion_centralize_billing.delivery import addresses
from odoo.tools import SQL

_logger = logging.getLogger(__name__)
_PARAMETER = "fusion_centralize_billing.webhook_ports"


def migrate(cr, version):
    cr.execute("SELECT code, webhook_url FROM fusion_billing_service WHERE webhook_url <> ''")
    used = {port for code, url in cr.fetchall() if (port := _find_port(code, url))}
    others = used - set(addresses.WEB_PORTS)
    if not others:
        return
    cr.execute(
        SQL(
            "INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)"
            " VALUES (%s, %s, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC')"
            " ON CONFLICT (key) DO NOTHING",
            _PARAMETER,
            ", ".join(str(port) for port in sorted({*addresses.WEB_PORTS, *others})),
        )
    )


def _find_port(code, url):
    """Return the port of a URL that is good otherwise; of any other one nothing is sent, as before or from now on."""
    try:
        return addresses.check_url(url, None)
    except ValueError as exc:
        _logger.warning("The webhook URL of the service %s is refused from now on: %s", code, exc)
        return None
