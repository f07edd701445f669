# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from . import shape

_MODEL = "fusion.billing.reconciliation"
_NEEDED = ("service_id", "partner_id", "period_start", "period_end", "odoo_amount", "external_amount")


def take_over(env, report):
    """Keep the comparisons with the former billing, in the model for them if all of them fit, else in their table."""
    cr = env.cr
    if not shape.is_kept(cr, "reconciliation"):
        return
    if _MODEL not in env:
        shape.put_back(cr, "reconciliation")
        return
    rows = shape.read(cr, "reconciliation", (*_NEEDED, "note"))
    if not all(_fits(row) for row in rows):
        kept = shape.keep(cr, "reconciliation")
        report.tell(f"The comparisons with the former billing lack what this version needs: they are in {kept}.")
        return
    for row in rows:
        shape.number_next(env, _MODEL, row.pop("id"))
        service = env["fusion.billing.service"].browse(row["service_id"])
        env[_MODEL].create({**row, "currency_id": service.company_id.currency_id.id})
    shape.number_on(env, _MODEL)


def _fits(row):
    return all(row[name] is not None for name in _NEEDED) and row["period_end"] > row["period_start"]
