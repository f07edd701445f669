-- A copy of the database must not call the servers of the source apps, nor take their usage.
UPDATE fusion_billing_service SET webhook_url = NULL;
UPDATE fusion_billing_api_key SET active = FALSE;
DELETE FROM fusion_billing_customer_token;
UPDATE fusion_billing_webhook SET state = 'dead', next_retry_at = NULL, last_error = 'neutralized' WHERE state IN ('pending', 'failed');
-- Nor charge anybody: Odoo disables the providers in production, but not those in test mode, and keeps the tokens.
UPDATE fusion_billing_plan SET automatic_payment = FALSE;
UPDATE payment_token SET active = FALSE;
UPDATE payment_transaction SET state = 'cancel', x_fc_charge_state = 'withdrawn', state_message = 'neutralized' WHERE x_fc_charge_state IN ('queued', 'unclear');
UPDATE account_move SET x_fc_next_payment_at = NULL, x_fc_payment_state = CASE x_fc_payment_state WHEN 'waiting_retry' THEN 'failed' ELSE 'none' END WHERE x_fc_payment_state IN ('scheduled', 'unclear', 'waiting_retry');
UPDATE account_move SET x_fc_failure_action_due = FALSE WHERE x_fc_failure_action_due;
