"""The early scaffold as an addon that real Odoo installs: written from what is known of its models, not its code."""

from pathlib import Path

NAME = "fusion_centralize_billing"

_SERVICE = ("Many2one", "'fusion.billing.service', required=True, ondelete='cascade'")
_METRIC = ("Many2one", "'fusion.billing.metric', required=True, ondelete='restrict'")
#: Fields by model: their type and arguments.
MODELS = {
    "fusion.billing.service": {
        "name": ("Char", "required=True"),
        "code": ("Char", "required=True"),
        "active": ("Boolean", "default=True"),
        "api_key_hash": ("Char", "index=True"),
        "webhook_url": ("Char", ""),
        "webhook_secret": ("Char", ""),
    },
    "fusion.billing.account.link": {
        "service_id": _SERVICE,
        "external_id": ("Char", "required=True, index=True"),
        "external_email": ("Char", ""),
        "partner_id": ("Many2one", "'res.partner', required=True"),
    },
    "fusion.billing.metric": {
        "name": ("Char", "required=True"),
        "code": ("Char", "required=True"),
        "aggregation": (
            "Selection",
            "[('sum', 'Sum'), ('max', 'Max'), ('last', 'Last'), ('unique_count', 'Unique')], default='sum'",
        ),
    },
    "fusion.billing.charge": {
        "name": ("Char", "required=True"),
        "plan_code": ("Char", "required=True"),
        "metric_id": _METRIC,
        "product_id": ("Many2one", "'product.product'"),
        "charge_model": (
            "Selection",
            "[('standard', 'S'), ('package', 'P'), ('volume', 'V'), ('graduated', 'G')], default='standard'",
        ),
        "included_quota": ("Float", ""),
        "price_per_unit": ("Float", ""),
        "unit_batch": ("Float", "default=1"),
        "active": ("Boolean", "default=True"),
    },
    "fusion.billing.usage": {
        "subscription_id": ("Many2one", "'sale.order', required=True, ondelete='cascade', index=True"),
        "metric_id": _METRIC,
        "period_start": ("Datetime", "required=True"),
        "period_end": ("Datetime", "required=True"),
        "quantity": ("Float", ""),
        "source": ("Char", "default='push'"),
        "idempotency_key": ("Char", "index=True"),
    },
    "fusion.billing.webhook": {
        "service_id": _SERVICE,
        "event_type": ("Char", "required=True"),
        "payload": ("Json", ""),
        "signature": ("Char", ""),
        "state": (
            "Selection",
            "[('pending', 'P'), ('sent', 'S'), ('failed', 'F'), ('dead', 'D')], default='pending'",
        ),
        "attempts": ("Integer", ""),
        "next_retry_at": ("Datetime", ""),
        "last_error": ("Text", ""),
    },
    "fusion.billing.reconciliation": {
        "service_id": ("Many2one", "'fusion.billing.service'"),
        "partner_id": ("Many2one", "'res.partner'"),
        "period_start": ("Date", ""),
        "period_end": ("Date", ""),
        "odoo_amount": ("Float", ""),
        "external_amount": ("Float", ""),
        "note": ("Text", ""),
    },
}
_UNIQUE = {
    "fusion.billing.service": "UNIQUE(code)",
    "fusion.billing.usage": "UNIQUE(idempotency_key)",
}
#: Called by its crons: nothing of what they did matters here.
_METHODS = {"fusion.billing.usage": "_cron_rate_open_periods", "fusion.billing.webhook": "_cron_dispatch"}

_DATA = """<odoo>
    <record id="group_fusion_billing" model="res.groups"><field name="name">Fusion Billing</field></record>
    <record id="sequence_usage" model="ir.sequence"><field name="name">Usage</field></record>
    <record id="metric_cpu" model="fusion.billing.metric">
        <field name="name">CPU</field><field name="code">cpu_seconds</field>
    </record>
    <record id="view_service_form" model="ir.ui.view">
        <field name="name">service</field><field name="model">fusion.billing.service</field>
        <field name="arch" type="xml"><form><field name="api_key_hash"/></form></field>
    </record>
    <record id="view_service_form_more" model="ir.ui.view">
        <field name="name">service more</field><field name="model">fusion.billing.service</field>
        <field name="inherit_id" ref="view_service_form"/>
        <field name="arch" type="xml"><field name="api_key_hash" position="after"><field name="code"/></field></field>
    </record>
    <record id="action_billing_service" model="ir.actions.act_window">
        <field name="name">Services</field><field name="res_model">fusion.billing.service</field>
    </record>
    <menuitem id="menu_root" name="Fusion Scaffold"/>
    <menuitem id="menu_services" name="Services" parent="menu_root" action="action_billing_service"/>
    <record id="rule_services" model="ir.rule">
        <field name="name">all</field><field name="model_id" ref="model_fusion_billing_service"/>
    </record>
    <data noupdate="1">
        <record id="cron_fc_rate_usage" model="ir.cron">
            <field name="name">Fusion: rate usage</field><field name="model_id" ref="model_fusion_billing_usage"/>
            <field name="state">code</field><field name="code">model._cron_rate_open_periods()</field>
            <field name="interval_number">1</field><field name="interval_type">days</field>
        </record>
        <record id="cron_fc_dispatch_webhooks" model="ir.cron">
            <field name="name">Fusion: webhooks</field><field name="model_id" ref="model_fusion_billing_webhook"/>
            <field name="state">code</field><field name="code">model._cron_dispatch()</field>
            <field name="interval_number">5</field><field name="interval_type">minutes</field>
        </record>
    </data>
</odoo>
"""


def write(folder: Path, version: str, depends: list[str]) -> Path:
    """Write the addon below a folder of an addons path and return its own folder."""
    addon = folder / NAME
    addon.mkdir(parents=True)
    manifest = {"name": "Fusion Centralize Billing", "version": version, "license": "OPL-1", "depends": depends}
    (addon / "__manifest__.py").write_text(repr({**manifest, "data": ["ir.model.access.csv", "data.xml"]}))
    (addon / "__init__.py").write_text("from . import models\n")
    (addon / "models.py").write_text("from odoo import fields, models\n" + "".join(map(_model, MODELS)))
    (addon / "data.xml").write_text(_DATA)
    header = "id,name,model_id:id,group_id:id,perm_read,perm_write,perm_create,perm_unlink\n"
    rows = [f"access_{name},{name},model_{name},base.group_user,1,1,1,1\n" for name in map(_underscored, MODELS)]
    (addon / "ir.model.access.csv").write_text(header + "".join(rows))
    return addon


def _model(name: str) -> str:
    lines = ["", "", f"class {name.title().replace('.', '')}(models.Model):", f"    _name = {name!r}"]
    lines.append(f"    _description = {name!r}")
    lines += [f"    {field} = fields.{kind}({given})" for field, (kind, given) in MODELS[name].items()]
    if name in _UNIQUE:
        lines.append(f"    _uniq = models.Constraint({_UNIQUE[name]!r}, 'Twice.')")
    if name in _METHODS:
        lines += [f"    def {_METHODS[name]}(self):", "        pass"]
    return "\n".join(lines) + "\n"


def _underscored(name: str) -> str:
    return name.replace(".", "_")
