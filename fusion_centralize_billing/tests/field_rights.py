# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Who may write which field of ours: the table that test_field_rights.py proves.

Users reach every field of a record that they may write over Odoo's RPC; ``readonly`` concerns views only. So each
field has a row: people of a group write it; people give it to a new record (FIXED), and code only changes it; or
CODE only writes it. A new field needs a row. For one2many fields, the rows of the field that they mirror count.
"""

from typing import NamedTuple

_BILLING = "fusion_centralize_billing.group_billing_"
_MANAGER = f"{_BILLING}manager"
_USER = f"{_BILLING}user"
_SALES = "sales_team.group_sale_salesman_all_leads"
_SALES_MANAGER = "sales_team.group_sale_manager"
_ACCOUNTANT = "account.group_account_invoice"
_PRODUCTS = "product.group_product_manager"
_SYSTEM = "base.group_system"
#: Who has both: managers write customers, accountants see cards.
_MANAGER_OF_CARDS = f"{_MANAGER},{_ACCOUNTANT}"


class Rights(NamedTuple):
    """The fields of a model, as names separated by spaces.

    :param people: the group whose people write ``written`` and give ``fixed`` to new records; several, with commas,
        where somebody needs all of them
    """

    people: str | None = None
    written: str = ""
    fixed: str = ""
    code: str = ""
    more: tuple = ()  # pairs (another group, fields that its people write)


FIELD_RIGHTS = {
    # === OURS === #
    "fusion.billing.account.link": Rights(
        _MANAGER,
        fixed="service_id external_id partner_id",
        more=((_MANAGER_OF_CARDS, "payment_token_id"),),
        code="company_id external_name external_email to_confirm candidate_id payment_token_chooser_id",
    ),
    "fusion.billing.api.key": Rights(
        _MANAGER,
        written="name active scopes expires_at",
        code="service_id company_id is_default prefix key_hash last_used_at",
    ),
    "fusion.billing.api.key.shown": Rights(_MANAGER, written="service_id raw_key"),
    "fusion.billing.api.key.wizard": Rights(_MANAGER, written="service_id name scopes expires_at"),
    "fusion.billing.attention": Rights(
        code="subscription_id partner_id service_id company_id code message is_internal step period_start first_seen"
        " last_seen next_try_at change_id job_uuid activity_id"
    ),
    "fusion.billing.charge": Rights(
        _MANAGER,
        written="name active company_id plan_code metric_id product_id charge_model included_quota price_per_unit"
        " unit_batch free_units rate fixed_fee free_rows free_amount row_minimum row_maximum group_by amount_rounding"
        " effective_until is_additional example_quantity price_effective_from",
        code="billing_plan_id",
    ),
    "fusion.billing.charge.filter": Rights(_MANAGER, written="name value", fixed="charge_id"),
    "fusion.billing.charge.tier": Rights(
        _MANAGER, written="sequence up_to price_per_unit flat_fee rate", fixed="charge_id"
    ),
    "fusion.billing.charge.version": Rights(code="charge_id effective_from terms applies"),
    "fusion.billing.commitment": Rights(code="subscription_id company_id effective_from amount"),
    "fusion.billing.idempotency.key": Rights(code="service_id key operation fingerprint answer"),
    "fusion.billing.invoice.preview": Rights(_USER, written="order_id at"),
    "fusion.billing.metric": Rights(
        _MANAGER, written="name code active company_id aggregation unit_rounding unit_digits"
    ),
    "fusion.billing.payment.call": Rights(code="transaction_id begun_at"),
    "fusion.billing.period": Rights(code="subscription_id start_on end_on start_at end_at"),
    "fusion.billing.plan": Rights(
        _MANAGER,
        written="name code active company_id service_id plan_id billing_tz pricelist_id product_id price fee_timing"
        " proration trial_days grace_days change_timing minimum_commitment commitment_product_id automatic_payment"
        " payment_retry_days payment_failure_action",
        code="currency_id",
    ),
    "fusion.billing.proof": Rights(
        _MANAGER,
        written="company_id date_from date_to",
        code="is_nightly state requested_at started_at finished_at counter_count unexplained_count finding_count error",
    ),
    "fusion.billing.proof.finding": Rights(
        code="proof_id company_id code subscription_id rating_id invoice_line_id metric_id start_on counter_count"
        " expected found"
    ),
    "fusion.billing.proof.line": Rights(
        code="proof_id company_id service_id plan_code metric_id start_on end_on status reason due_on currency_id"
        " counter_count quantity amount"
    ),
    "fusion.billing.rated.counter": Rights(
        code="rating_id subscription_id company_id metric_id service_id idempotency_key attributed_at period_start"
        " period_end quantity properties_text usage_id current_quantity correction corrected_at"
    ),
    "fusion.billing.rating": Rights(
        code="subscription_id partner_id service_id company_id currency_id kind charge_id group_key metric_id"
        " period_start period_end first_day last_day sequence is_adjustment total_quantity included_quantity"
        " billable_quantity period_amount amount terms breakdown rated_at usage_until reading job_uuid state"
        " order_line_id invoice_line_id invoice_id"
    ),
    "fusion.billing.service": Rights(
        _MANAGER,
        written="name code active company_id billing_tz owner_id strict_usage product_access webhook_url"
        " webhook_secret",
        code="user_id webhook_secret_encrypted webhook_secret_previous_encrypted webhook_secret_previous_until",
    ),
    "fusion.billing.usage": Rights(
        _MANAGER,
        written="quantity properties period_start period_end",
        fixed="subscription_id metric_id idempotency_key",
        code="service_id attributed_at source voided_at void_reason",
    ),
    "fusion.billing.usage.change": Rights(code="subscription_id metric_id from_at to_at"),
    "fusion.billing.usage.correction": Rights(_MANAGER, written="usage_ids kind quantity reason"),
    "fusion.billing.usage.history": Rights(
        code="usage_id counter_id kind reason subscription_id metric_id service_id idempotency_key source before after"
    ),
    "fusion.billing.webhook.secret.shown": Rights(_MANAGER, written="service_id raw_secret"),
    "fusion.billing.webhook": Rights(
        code="service_id company_id event_type delivery_uuid payload signature state attempts next_retry_at sent_at"
        " last_error last_status"
    ),
    "fusion.subscription.change": Rights(_SALES, written="order_id timing day"),
    "fusion.subscription.change.line": Rights(_SALES, written="change_id order_line_id quantity price_unit discount"),
    "fusion.subscription.fee": Rights(
        code="order_id order_line_id company_id currency_id date_from date_to sequence state is_credit quantity"
        " price_unit discount amount invoice_line_id"
    ),
    "fusion.subscription.line.term": Rights(
        code="order_line_id order_id company_id effective_from quantity price_unit discount"
    ),
    "fusion.subscription.pause": Rights(code="order_id company_id date_from date_to"),
    "fusion.subscription.period": Rights(code="order_id company_id period_start period_end invoice_id"),
    "sale.subscription.plan": Rights(
        _SALES_MANAGER,
        written="name active company_id billing_period_value billing_period_unit billing_first_day",
    ),
    # === FIELDS OF OURS ON NATIVE MODELS === #
    "account.move": Rights(
        code="x_fc_is_given_back x_fc_subscription_id x_fc_service_id x_fc_period_start x_fc_period_end"
        " x_fc_credit_reason x_fc_payment_state x_fc_payment_failures x_fc_next_payment_at x_fc_payment_error"
        " x_fc_failure_action_due x_fc_lacks_token x_fc_void_reason"
    ),
    "account.move.line": Rights(code="x_fc_fee_id x_fc_reversed_line_id x_fc_credited_line_id"),
    "payment.transaction": Rights(code="x_fc_invoice_id x_fc_charge_state x_fc_is_automatic"),
    "product.template": Rights(_PRODUCTS, written="recurring_invoice x_fc_for_services"),
    "res.company": Rights(
        _SYSTEM,
        written="x_fc_usage_lock_date x_fc_billing_tz x_fc_usage_periods_ahead x_fc_start_days_back"
        " x_fc_webhook_secret_overlap_hours x_fc_ask_before_linking",
    ),
    "res.config.settings": Rights(
        _SYSTEM,
        written="x_fc_usage_lock_date x_fc_billing_tz x_fc_usage_periods_ahead x_fc_start_days_back"
        " x_fc_webhook_secret_overlap_hours x_fc_ask_before_linking x_fc_webhook_ports"
        " x_fc_limit_request_seconds x_fc_limit_preview_seconds x_fc_limit_batch_cost x_fc_limit_costly_at_once"
        " x_fc_limit_reads_per_second x_fc_limit_writes_per_second x_fc_limit_costly_per_second"
        " x_fc_limit_failures_at_once x_fc_limit_customers_per_day x_fc_limit_subscriptions_per_day",
    ),
    "res.partner": Rights(code="x_fc_billing_email x_fc_created_by_service_id"),
    "sale.order": Rights(
        _SALES,
        written="plan_id is_subscription start_date end_date x_fc_proration x_fc_fee_timing x_fc_trial_days"
        " x_fc_grace_days x_fc_change_timing x_fc_service_id x_fc_external_id x_fc_plan_code x_fc_minimum_commitment"
        " x_fc_billing_tz",
        more=((_ACCOUNTANT, "x_fc_payment_token_id"),),
        code="subscription_state next_invoice_date last_invoice_date x_fc_fee_invoiced_until x_fc_fee_due_on"
        " x_fc_rest_due_on x_fc_trial_end_date x_fc_invoice_on x_fc_billed_until x_fc_ended_on"
        " x_fc_seen_state x_fc_close_reason x_fc_predecessor_id x_fc_successor_id x_fc_taken_over_on"
        " x_fc_payment_token_chooser_id",
    ),
    "sale.order.line": Rights(
        _SALES,
        written="x_fc_recurrence",
        code="x_fc_is_recurring x_fc_is_rated x_fc_charge_id x_fc_period_start x_fc_period_end",
    ),
}
