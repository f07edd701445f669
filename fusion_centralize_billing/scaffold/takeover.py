# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from pathlib import Path

from odoo.modules.module import load_script

from . import catalogue, counters, customers, reconciliation, services, shape, subscriptions, webhooks
from .report import Report

_MIGRATIONS = Path(__file__).parents[1] / "migrations"
#: Of later upgrades, what they do to data that the scaffold has.
_CUSTOMERS = _MIGRATIONS / "19.0.1.3.0" / "pre-account_links.py"
_PORTS = _MIGRATIONS / "19.0.1.2.0" / "post-webhook_ports.py"


def take_over(env):
    """Bring all that was set aside into this version's tables, and drop it."""
    report = Report()
    # Nobody is told of what was made before.
    env = env(context={"tracking_disable": True, "mail_create_nolog": True, "no_reset_password": True})
    services.take_over(env, report)
    customers.take_over(env, report)
    # Before subscriptions have plans: prices hold for the periods that have begun, too.
    catalogue.take_over(env, report)
    subscriptions.take_over(env, report)
    load_script(str(_CUSTOMERS), "account_links").migrate(env.cr, None)
    counters.take_over(env, report)
    subscriptions.quieten_overage_lines(env, report)
    webhooks.take_over(env, report)
    load_script(str(_PORTS), "webhook_ports").migrate(env.cr, None)
    reconciliation.take_over(env, report)
    env.flush_all()
    shape.drop(env.cr)
    env.invalidate_all()
    report.publish(env)
