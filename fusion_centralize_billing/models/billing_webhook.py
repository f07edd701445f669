# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import time
import uuid
from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError, ValidationError
from odoo.tools import str2bool

from ..crypto.secret_box import SecretKeyError
from ..crypto.signatures import canonical_body, sign
from ..delivery import addresses, headers, http_client
from ..jobs import repeated_on_conflict

MAX_ATTEMPTS = 8
#: A delivery this long overdue has lost its job.
_LOST_AFTER = timedelta(minutes=5)
_SWEEP_LIMIT = 1000
#: After a failed attempt a receiver is handled with care for this long.
_AILING_FOR = timedelta(minutes=10)


class BillingWebhook(models.Model):
    """One delivery: an event for one service, until the service has taken it or it is given up.

    The row and its job are written in the transaction of the event, so an event is told exactly if
    it happened. Delivery is at least once: a receiver recognizes a repetition by the signed ``webhook-id``, which
    is the ``delivery_uuid``, or by X-Fusion-Delivery, which is the same but not signed.
    """

    _name = "fusion.billing.webhook"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Webhook"
    _order = "id desc"
    _rec_name = "event_type"

    # === FIELDS === #

    service_id = fields.Many2one("fusion.billing.service", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="service_id.company_id", store=True)
    event_type = fields.Char(required=True, readonly=True)
    delivery_uuid = fields.Char(required=True, readonly=True, default=lambda self: str(uuid.uuid4()), copy=False)
    payload = fields.Json(readonly=True)
    body = fields.Text(compute="_compute_body", help="What is sent and signed.")
    signature = fields.Char(
        readonly=True,
        help="Of the body, with the secret that held at the last attempt or, before it, when it was stored.",
    )
    state = fields.Selection(
        [("pending", "Pending"), ("sent", "Sent"), ("failed", "Failed"), ("dead", "Dead")],
        required=True,
        default="pending",
        readonly=True,
        help="Failed: will be tried again. Dead: given up.",
    )
    attempts = fields.Integer(readonly=True)
    next_retry_at = fields.Datetime(readonly=True)
    sent_at = fields.Datetime(readonly=True)
    last_error = fields.Text(readonly=True)
    last_status = fields.Integer(string="Last HTTP Status", readonly=True)

    # === CONSTRAINTS AND INDEXES === #

    _delivery_uuid_uniq = models.Constraint("UNIQUE(delivery_uuid)", "Deliveries are unique.")
    _waiting_idx = models.Index("(next_retry_at) WHERE state IN ('pending', 'failed')")

    # === COMPUTE === #

    @api.depends("payload")
    def _compute_body(self):
        for webhook in self:
            webhook.body = canonical_body(webhook.payload or {}).decode()

    # === ACTIONS === #

    def action_retry(self):
        """Start again with deliveries that failed or were given up; the delivery's id stays."""
        if self.filtered(lambda webhook: webhook.state == "sent"):
            raise UserError(self.env._("A delivery that was taken is not sent again."))
        # sudo: the fields are written by deliveries only; the access to this action is checked by the rules.
        self.check_access("write")
        self.sudo().write({"state": "pending", "attempts": 0, "next_retry_at": fields.Datetime.now()})
        self._schedule_delivery()
        return True

    def action_view_jobs(self):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("queue_job.action_queue_job")
        return {**action, "domain": [("identity_key", "=like", f"{self._identity_prefix()}%")], "context": {}}

    # === BUSINESS === #

    @api.model
    def _emit(self, service, event_type, payload):
        """Tell a service of an event, if it wants to hear of events at all.

        :param payload: what is told beside the event's own id, type and time; plain JSON values
        """
        if not service.webhook_url:
            return self.browse()
        event = {
            "event_id": str(uuid.uuid4()),
            "event_type": event_type,
            "occurred_at": fields.Datetime.now().isoformat() + "Z",
            "service": service.code,
        }
        return self._enqueue(service, event_type, {**payload, **event})

    @api.model
    def _enqueue(self, service, event_type, payload):
        """Store a pending delivery with its job, and return it.

        It is signed at once, so that the row tells what will be sent, and again on sending: the secret may be
        another one by then.
        """
        # sudo: events happen to whoever posts invoices or confirms orders.
        webhook = self.sudo().create(
            {
                "service_id": service.id,
                "event_type": event_type,
                "payload": payload,
                "signature": self._sign_at_once(service, payload),
                "next_retry_at": fields.Datetime.now(),
            }
        )
        webhook._schedule_delivery()
        return webhook.with_env(self.env)

    @api.model
    def _sign(self, secret, body):
        """Return the hexadecimal HMAC-SHA256 of ``body`` (bytes or text) with ``secret``."""
        return sign(secret, body)

    @api.model
    def _check_url(self, url):
        """Raise ValidationError if a URL cannot be a webhook's address."""
        try:
            addresses.check_url(url, self._get_ports())
        except ValueError as exc:
            raise ValidationError(self.env._("Webhook URL: %s.", exc)) from exc

    @api.model
    def _allows_loopback(self):
        """Tell whether webhooks may go to this machine, for development and tests."""
        return str2bool(self._get_parameter("webhook_allow_loopback") or "", False)

    @api.model
    def _get_ports(self):
        """Return the ports that webhooks may go to; None for any, which is so where loopback is allowed."""
        return None if self._allows_loopback() else addresses.parse_ports(self._get_parameter("webhook_ports"))

    # === JOBS === #

    @api.model
    def _cron_dispatch(self):
        """Give deliveries a job that should have been made by now and lost theirs; a day later if it failed."""
        overdue = fields.Datetime.now() - _LOST_AFTER
        lost = self.search(
            [("state", "in", ("pending", "failed")), ("next_retry_at", "<", overdue)],
            order="next_retry_at",
            limit=_SWEEP_LIMIT,
        )
        self.env["fusion.billing.service"]._forget_replaced_webhook_secrets()
        failing = self.env["queue.job"]._fc_get_failing_keys("_job_deliver")
        lost.filtered(lambda webhook: webhook._get_job_key() not in failing)._schedule_delivery()

    def _schedule_delivery(self):
        """Enqueue the next attempt of each delivery, unless it waits already."""
        for webhook in self.sudo():
            webhook.with_delay(
                description=self.env._(
                    "Deliver %(event)s to %(service)s", event=webhook.event_type, service=webhook.service_id.name
                ),
                identity_key=webhook._get_job_key(),
                eta=webhook.next_retry_at if webhook.attempts else None,
            )._job_deliver()

    @repeated_on_conflict
    def _job_deliver(self):
        """Make one attempt, record it, and schedule the next one if it failed.

        The job succeeds even if the attempt failed: a failed job would mail every job manager, and
        roll back what the attempt has found out.
        """
        # A second job of this delivery waits here, is run again on the serialization failure, and finds it sent.
        self.env.cr.execute(
            "SELECT id FROM fusion_billing_webhook WHERE id = %s FOR NO KEY UPDATE", [self.id], log_exceptions=False
        )
        webhook = self.exists()
        if not webhook or webhook.state not in ("pending", "failed"):
            return self.env._("Nothing to deliver.")
        webhook._wait_for_turn()
        outcome = webhook._send()
        webhook._note_attempt(outcome)
        return self.env._(
            "Attempt %(attempt)s: %(state)s %(error)s",
            attempt=webhook.attempts,
            state=webhook.state,
            error=outcome.error,
        )

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # People start a delivery again, by the action.
        return set(self._fields)

    def _get_job_key(self):
        return f"{self._identity_prefix()}{self.attempts}"

    def _identity_prefix(self):
        return f"fusion_centralize_billing.webhook.{self.id}."

    @api.model
    def _sign_at_once(self, service, payload):
        """Return the signature of a payload's body, or False if there is no secret to sign with.

        A secret that cannot be read keeps nobody from posting an invoice: sending tells of it.
        """
        try:
            secret = service._get_webhook_secret()
        except SecretKeyError:
            return False
        return bool(secret) and self._sign(secret, canonical_body(payload or {}))

    def _wait_for_turn(self):
        """Let a receiver that fails have one request at a time, so that its time-outs do not hold up the others.

        :raises RetryableJobError: another delivery to this receiver is under way
        """
        since = fields.Datetime.now() - _AILING_FOR
        domain = [
            ("service_id", "=", self.service_id.id),
            ("state", "in", ("failed", "dead")),
            ("write_date", ">", since),
        ]
        if not self.search_count(domain, limit=1):
            return
        self.env.cr.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s), %s)", [self._table, self.service_id.id])
        if not self.env.cr.fetchone()[0]:
            message = self.env._("%s fails, and another delivery to it is under way.", self.service_id.name)
            raise RetryableJobError(message, seconds=http_client.TIMEOUT, ignore_retry=True)

    def _send(self):
        """Make one HTTP request and return its Outcome."""
        service = self.service_id
        try:
            secrets = service._get_webhook_secrets()
        except SecretKeyError as exc:
            return http_client.Outcome(0, str(exc))
        if not service.webhook_url or not secrets:
            return http_client.Outcome(0, self.env._("The service has no webhook URL or no secret."))
        try:
            # Again: it may be older than the rule, or the setting has changed.
            addresses.check_url(service.webhook_url, self._get_ports())
        except ValueError as exc:
            return http_client.Outcome(0, self.env._("Webhook URL: %s.", exc))
        body = canonical_body(self.payload or {})
        sent = headers.build(self.event_type, self.delivery_uuid, int(time.time()), body, secrets)
        self.signature = sent["X-Fusion-Signature"]
        return http_client.post(service.webhook_url, body, sent, allow_loopback=self._allows_loopback())

    @api.model
    def _get_parameter(self, name):
        # sudo: whoever saves a service or runs a job; these settings are no secrets.
        return self.env["ir.config_parameter"].sudo().get_param(f"fusion_centralize_billing.{name}")

    def _note_attempt(self, outcome):
        self.ensure_one()
        attempts = self.attempts + 1
        values = {"attempts": attempts, "last_status": outcome.status, "last_error": outcome.error or False}
        if outcome.delivered:
            self.write({**values, "state": "sent", "sent_at": fields.Datetime.now(), "next_retry_at": False})
        elif attempts >= MAX_ATTEMPTS:
            self.write({**values, "state": "dead", "next_retry_at": False})
            self._alert_owner()
        else:
            retry_at = fields.Datetime.now() + timedelta(minutes=2**attempts)
            self.write({**values, "state": "failed", "next_retry_at": retry_at})
            self._schedule_delivery()

    def _alert_owner(self):
        """Give the service's owner one activity, however many of its deliveries die."""
        service = self.service_id
        summary = self.env._("Webhooks could not be delivered")
        open_activity = service.activity_ids.filtered(lambda activity: activity.summary == summary)
        if service.owner_id and not open_activity:
            service.activity_schedule(
                "mail.mail_activity_data_warning",
                summary=summary,
                note=self.env._(
                    "%(event)s was given up after %(count)s attempts: %(error)s",
                    event=self.event_type,
                    count=self.attempts,
                    error=self.last_error,
                ),
                user_id=service.owner_id.id,
            )
