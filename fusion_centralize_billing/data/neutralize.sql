-- A copy of the database must not call the servers of the source apps, nor take their usage.
UPDATE fusion_billing_service SET webhook_url = NULL;
UPDATE fusion_billing_api_key SET active = FALSE;
UPDATE fusion_billing_webhook SET state = 'dead', next_retry_at = NULL, last_error = 'neutralized' WHERE state IN ('pending', 'failed');
