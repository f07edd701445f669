# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import ast
import inspect
import re
from pathlib import Path

from odoo.tests import TransactionCase, tagged

from ..api.operations import OPERATIONS, SCOPES

_ADDON = Path(__file__).parents[1]
_MODULE = _ADDON.name
_LICENCE = "# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.\n"

#: Names that the contract fixes: model, fields, methods.
_FIXED_NAMES = {
    "fusion.billing.service": (
        "name code active api_key_hash webhook_url webhook_secret",
        "action_generate_api_key _match_api_key"
        " _api_upsert_customer _api_record_usage _api_catalog _api_create_subscription",
    ),
    "fusion.billing.account.link": ("service_id external_id external_email partner_id", "_resolve_or_create_partner"),
    "fusion.billing.metric": ("name code aggregation", ""),
    "fusion.billing.charge": (
        "name plan_code metric_id product_id charge_model included_quota price_per_unit unit_batch active",
        "_compute_billable",
    ),
    "fusion.billing.usage": (
        "subscription_id metric_id period_start period_end quantity source idempotency_key",
        "_record_usage _aggregate _cron_rate_open_periods",
    ),
    "fusion.billing.webhook": (
        "service_id event_type payload signature state attempts next_retry_at last_error",
        "_enqueue _sign _cron_dispatch",
    ),
    "fusion.billing.reconciliation": (
        "service_id partner_id period_start period_end odoo_amount external_amount delta status note",
        "",
    ),
    "sale.order": ("x_fc_service_id x_fc_external_id x_fc_plan_code", "_fc_rate_usage"),
    "sale.order.line": ("x_fc_charge_id", ""),
}
_FIXED_PARAMETERS = {
    ("fusion.billing.service", "_match_api_key"): "raw",
    ("fusion.billing.account.link", "_resolve_or_create_partner"): "service external_id name email extra",
    ("fusion.billing.charge", "_compute_billable"): "total",
    ("fusion.billing.usage", "_record_usage"): "subscription metric_code quantity period_start period_end idem",
    ("fusion.billing.usage", "_aggregate"): "subscription metric period_start period_end",
    ("fusion.billing.webhook", "_enqueue"): "service event_type payload",
    ("fusion.billing.webhook", "_sign"): "secret body",
    ("sale.order", "_fc_rate_usage"): "charge period_start period_end",
}
_WRITING_READS = ("previewInvoice", "billingProof")
_FIXED_SELECTIONS = {
    ("fusion.billing.metric", "aggregation"): {"sum", "max", "last", "unique_count"},
    ("fusion.billing.charge", "charge_model"): {"standard", "package", "volume", "graduated"},
    ("fusion.billing.reconciliation", "status"): {"match", "delta", "resolved"},
    ("fusion.billing.webhook", "state"): {"pending", "sent", "failed", "dead"},
}


def _sources(folder=""):
    """Yield (path relative to the addon, syntax tree) of the addon's Python files but its tests."""
    for path in sorted((_ADDON / folder).rglob("*.py")):
        relative = path.relative_to(_ADDON)
        if relative.parts[0] != "tests":
            yield str(relative), ast.parse(path.read_text())


@tagged("post_install", "-at_install")
class TestArchitecture(TransactionCase):
    def _get_own_methods(self, prefix):
        """Return {(model, method)} of methods with a prefix that this addon's files define."""
        return {
            (name, method)
            for name, model in self.registry.items()
            for parent in model.__mro__
            if parent.__module__.startswith(f"odoo.addons.{_MODULE}.")
            for method in vars(parent)
            if method.startswith(prefix)
        }

    # === FIXED NAMES === #

    def test_the_names_of_the_contract_exist(self):
        for name, (field_names, methods) in _FIXED_NAMES.items():
            model = self.env[name]
            with self.subTest(name):
                self.assertLessEqual(set(field_names.split()), set(model._fields))
                self.assertFalse([method for method in methods.split() if not callable(getattr(model, method, None))])

    def test_the_parameters_of_the_contract_exist(self):
        for (name, method), parameters in _FIXED_PARAMETERS.items():
            with self.subTest(f"{name}.{method}"):
                signature = inspect.signature(getattr(self.env[name], method))
                self.assertEqual(list(signature.parameters), parameters.split())

    def test_the_values_of_the_contract_can_be_selected(self):
        for (name, field), values in _FIXED_SELECTIONS.items():
            with self.subTest(f"{name}.{field}"):
                self.assertLessEqual(values, {value for value, _label in self.env[name]._fields[field].selection})

    def test_usage_goes_with_its_subscription_and_stays_with_its_metric(self):
        usage = self.env["fusion.billing.usage"]._fields
        self.assertEqual((usage["subscription_id"].ondelete, usage["metric_id"].ondelete), ("cascade", "restrict"))

    def test_there_is_no_model_sale_subscription_of_ours(self):
        for path, tree in _sources():
            names = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            self.assertNotIn("sale.subscription", names, path)

    # === THE API === #

    def test_every_handler_stands_in_one_row_of_the_table(self):
        handlers = sorted(method for _model, method in self._get_own_methods("_api_"))
        self.assertEqual(sorted(operation.handler for operation in OPERATIONS.values()), handlers)

    def test_every_row_has_its_own_path_and_verb(self):
        routes = {(operation.verb, operation.path) for operation in OPERATIONS.values()}
        self.assertEqual(len(routes), len(OPERATIONS))

    def test_every_row_has_a_scope_that_keys_can_have(self):
        for operation in OPERATIONS.values():
            self.assertIn(operation.scope, SCOPES)
            self.assertRegex(operation.scope, r"^[a-z]+:(read|write)$")

    def test_only_reading_rows_are_readonly(self):
        for operation in OPERATIONS.values():
            # Rendering a document may store what it is made of; a preview is made and undone; a proof has tables.
            writes_to_read = operation.content_type != "application/json" or operation.name in _WRITING_READS
            expected = operation.scope.endswith(":read") and not writes_to_read
            self.assertEqual(operation.readonly, expected, operation.name)

    def test_every_row_has_an_answer_of_its_own_kind(self):
        for operation in OPERATIONS.values():
            reads = operation.scope.endswith(":read") and operation.name != "previewInvoice"
            self.assertEqual(operation.verb == "GET", reads, operation.name)
            self.assertTrue(operation.answer.model_fields["status"].is_required(), operation.name)

    # === JOBS === #

    def test_every_job_has_a_function_record_with_a_channel(self):
        functions = self.env["queue.job.function"].search([])
        recorded = {(function.model_id.model, function.method): function.channel for function in functions}
        jobs = self._get_own_methods("_job_")
        self.assertTrue(jobs)
        for job in jobs:
            with self.subTest(job):
                self.assertRegex(recorded.get(job, ""), r"^root\.billing\.")

    def test_every_function_record_has_its_job(self):
        records = self.env["ir.model.data"].search([("module", "=", _MODULE), ("model", "=", "queue.job.function")])
        recorded = {
            (f.model_id.model, f.method) for f in self.env["queue.job.function"].browse(records.mapped("res_id"))
        }
        self.assertEqual(recorded, self._get_own_methods("_job_"))

    def test_every_job_runs_again_after_a_conflict(self):
        for model, name in self._get_own_methods("_job_"):
            method = getattr(self.registry[model], name)
            self.assertTrue(getattr(method, "is_repeated_on_conflict", False), f"{model}.{name}")

    def test_only_schedule_methods_enqueue(self):
        for path, tree in _sources():
            for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
                called = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
                if called & {"with_delay", "delayable"}:
                    self.assertTrue(function.name.startswith("_schedule_"), f"{path}: {function.name}")

    def test_job_and_api_methods_are_private(self):
        # Odoo's own RPC calls every method whose name does not begin with an underscore.
        for path, tree in _sources("models"):
            names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
            public = [name for name in names if re.match(r"(api|job|schedule|cron|fc)_", name)]
            self.assertFalse(public, path)

    def test_public_methods_are_actions_or_overrides(self):
        known = {"init", "create", "write", "unlink", "copy", "copy_data", "default_get"}
        known |= {"button_cancel", "button_draft", "reverse_moves", "get_linked_records_info"}
        known |= {"get_values", "set_values"}
        own = {name for name, model in self.registry.items() if model._module == _MODULE}
        for model, method in self._get_own_methods(""):
            if (
                model in own
                and not method.startswith(("_", "action_"))
                and callable(getattr(self.registry[model], method))
            ):
                self.assertIn(method, known, f"{model}.{method}")

    # === LAYERS === #

    def _get_imports(self, tree):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((0, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.level, node.module or ""

    def test_rating_imports_nothing_of_odoo_or_of_the_addon(self):
        for path, tree in _sources("rating"):
            depth = len(Path(path).parts) - 1
            for level, name in self._get_imports(tree):
                self.assertFalse(name.split(".")[0] in ("odoo", "requests", "pydantic", "psycopg2"), f"{path}: {name}")
                self.assertLessEqual(level, depth, f"{path}: {name} leaves the folder")

    def test_rating_computes_without_floats(self):
        for path, tree in _sources("rating"):
            floats = [
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, float)
            ]
            self.assertFalse(floats, path)

    def test_controllers_use_no_records(self):
        for path, tree in _sources("controllers"):
            subscripts = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
            self.assertFalse([text for text in subscripts if "env[" in text], path)
            self.assertFalse([node for node in ast.walk(tree) if isinstance(node, ast.Try)], path)

    def test_models_import_no_controllers(self):
        for path, tree in _sources("models"):
            self.assertFalse([name for _level, name in self._get_imports(tree) if "controllers" in name], path)

    # === ODOO === #

    def test_constraints_are_declared_as_odoo_19_reads_them(self):
        for path, tree in _sources():
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            self.assertNotIn("_sql_constraints", names, path)

    def test_declared_constraints_and_indexes_are_in_the_database(self):
        self.env.cr.execute(
            "SELECT conname FROM pg_constraint UNION SELECT indexname FROM pg_indexes WHERE schemaname = current_schema"
        )
        present = {row[0] for row in self.env.cr.fetchall()}
        for model in self.registry.values():
            for name, table_object in model._table_objects.items():
                if table_object._module == _MODULE:
                    self.assertIn(name, present)

    def test_new_fields_on_native_models_have_our_prefix(self):
        own = {name for name, model in self.registry.items() if model._module == _MODULE}
        for name, model in self.registry.items():
            if name not in own and not model._transient:
                added = [field for field in model._fields.values() if field._module == _MODULE]
                self.assertFalse([str(field) for field in added if not field.name.startswith("x_fc_")])

    def test_every_stored_model_has_access_rights(self):
        granted = set(self.env["ir.model.access"].search([]).mapped("model_id.model"))
        own = {name for name, model in self.registry.items() if model._module == _MODULE and not model._abstract}
        self.assertLessEqual(own, granted)

    # === FILES === #

    def test_every_file_names_its_licence(self):
        for path in sorted(_ADDON.rglob("*.py")):
            self.assertTrue(path.read_text().startswith(_LICENCE), path)
