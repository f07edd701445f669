# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tools import SQL

from ..models.billing_webhook import MAX_ATTEMPTS
from . import shape

#: By way of text: the scaffold's payload may be kept as text or as JSON. A state of its own is one nobody waits for.
_INSERT = """
    WITH known AS (
        SELECT *, CASE WHEN state IS NULL OR state IN ('pending', 'failed')
                       THEN CASE WHEN attempts >= %(most)s THEN 'dead' ELSE COALESCE(state, 'pending') END
                       WHEN state = 'sent' THEN 'sent' ELSE 'dead' END AS new_state
          FROM %(webhooks)s)
    INSERT INTO fusion_billing_webhook (
           id, service_id, company_id, event_type, payload, signature, delivery_uuid, state, attempts, next_retry_at,
           sent_at, last_error, create_uid, write_uid, create_date, write_date)
    SELECT known.id, known.service_id, service.company_id, COALESCE(known.event_type, 'unknown'),
           COALESCE(NULLIF(known.payload::text, '')::jsonb, '{}'), known.signature, gen_random_uuid()::text,
           known.new_state, COALESCE(known.attempts, 0),
           CASE WHEN known.new_state IN ('pending', 'failed')
                THEN COALESCE(known.next_retry_at, now() AT TIME ZONE 'UTC') END,
           CASE WHEN known.new_state = 'sent' THEN known.write_date END,
           known.last_error, known.create_uid, known.write_uid, known.create_date, known.write_date
      FROM known JOIN fusion_billing_service AS service ON service.id = known.service_id
"""


def take_over(env, report):
    """Keep the deliveries, each with an id of its own; those that wait get their jobs, as new ones do."""
    if not shape.is_kept(env.cr, "webhook"):
        return
    env.cr.execute(SQL(_INSERT, most=MAX_ATTEMPTS, webhooks=SQL.identifier(shape.aside("webhook"))))
    model = "fusion.billing.webhook"
    shape.number_on(env, model)
    env.invalidate_all()
    env[model].search([("state", "in", ("pending", "failed"))])._schedule_delivery()
