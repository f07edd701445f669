# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.sql import column_exists, table_columns, table_exists

from ..crypto import secret_box
from ..crypto.secret_box import SecretKeyError

MODULE = "fusion_centralize_billing"
NAMES = ("service", "account_link", "metric", "charge", "usage", "webhook", "reconciliation")


def is_scaffold(cr):
    """Tell whether the addon's tables are the scaffold's: its services keep the hash of their only key themselves."""
    return column_exists(cr, "fusion_billing_service", "api_key_hash") and not table_exists(
        cr, "fusion_billing_api_key"
    )


def is_set_aside(cr):
    """Tell whether a scaffold was found when this upgrade began."""
    return is_kept(cr, "service")


def is_kept(cr, name):
    """Tell whether the scaffold had a table."""
    return table_exists(cr, aside(name))


def aside(name):
    """Return the table that holds the scaffold's rows while they are taken over."""
    return f"fusion_scaffold_{name}"


def check_taken_over(cr):
    """Refuse to build this version's tables on the scaffold's.

    :raises UserError: no script of this version was run, for the scaffold says that it is not older
    """
    if is_scaffold(cr):
        raise UserError(
            "The tables of fusion_centralize_billing are those of its early scaffold, but its version is not below "
            "that of the new code, so that no upgrade script runs. Nothing was changed. Lower the version and upgrade "
            "again: UPDATE ir_module_module SET latest_version = '19.0.0.0.1' WHERE name = 'fusion_centralize_billing'"
        )


def check_ready(cr):
    """Refuse to begin if secrets could not be encrypted afterwards.

    :raises UserError: which setting is missing
    """
    cr.execute(SQL("SELECT 1 FROM fusion_billing_service WHERE webhook_secret <> '' LIMIT 1"))
    if not cr.fetchone():
        return
    try:
        secret_box.encrypt("")
    except SecretKeyError as exc:
        raise UserError(
            f"The webhook secrets of the services have to be encrypted. {exc} Nothing was changed."
        ) from exc


def set_aside(cr):
    """Rename the scaffold's tables, their indexes and sequences, so that Odoo builds all of them anew."""
    for name in NAMES:
        table = f"fusion_billing_{name}"
        if not table_exists(cr, table):
            continue
        _rename_parts(cr, name, table)
        cr.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
        [sequence] = cr.fetchone()
        if sequence:
            cr.execute(SQL("ALTER SEQUENCE %s RENAME TO %s", SQL(sequence), SQL.identifier(f"{aside(name)}_id_seq")))
        cr.execute(SQL("ALTER TABLE %s RENAME TO %s", SQL.identifier(table), SQL.identifier(aside(name))))


def _rename_parts(cr, name, table):
    """Rename indexes and foreign keys: names are unique in a schema, and the new table's have to be the usual ones."""
    cr.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass", [table])
    for number, (index,) in enumerate(cr.fetchall()):
        cr.execute(SQL("ALTER INDEX %s RENAME TO %s", SQL(index), SQL.identifier(f"{aside(name)}_index_{number}")))
    cr.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('f', 'c')", [table])
    for number, (constraint,) in enumerate(cr.fetchall()):
        renamed = SQL.identifier(f"{aside(name)}_constraint_{number}")
        cr.execute(
            SQL("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", SQL.identifier(table), SQL.identifier(constraint), renamed)
        )


def read(cr, name, columns):
    """Return the rows of a table set aside, by id, as dictionaries; a column that it has not is None."""
    if not is_kept(cr, name):
        return []
    wanted = SQL(", ").join(SQL("%s AS %s", column(cr, name, each), SQL.identifier(each)) for each in ("id", *columns))
    cr.execute(SQL("SELECT %s FROM %s ORDER BY id", wanted, SQL.identifier(aside(name))))
    return cr.dictfetchall()


def column(cr, name, column_name):
    """Return a column of a table set aside for a query, or NULL if the table has no such column."""
    known = column_name in table_columns(cr, aside(name))
    return SQL.identifier(column_name) if known else SQL("NULL")


def put_back(cr, name):
    """Give a table that was set aside, and that no model of this version has, its name again, with all its rows."""
    if is_kept(cr, name):
        table, renamed = SQL.identifier(aside(name)), SQL.identifier(f"fusion_billing_{name}")
        cr.execute(SQL("ALTER TABLE %s RENAME TO %s", table, renamed))


def keep(cr, name):
    """Keep a table that was set aside under a name that nothing else has, and return that."""
    kept = f"fusion_former_{name}"
    cr.execute(SQL("ALTER TABLE %s RENAME TO %s", SQL.identifier(aside(name)), SQL.identifier(kept)))
    return kept


def drop(cr):
    """Drop what was set aside: the secrets in clear text, too."""
    for name in NAMES:
        cr.execute(SQL("DROP TABLE IF EXISTS %s CASCADE", SQL.identifier(aside(name))))


def number_next(env, model, record_id):
    """Let the next record of a model get an id: rows keep theirs, which others may refer to."""
    env.cr.execute("SELECT setval(%s, %s, FALSE)", [f"{env[model]._table}_id_seq", record_id])


def number_on(env, model):
    """Let new records get ids behind those that there are."""
    table = env[model]._table
    env.flush_all()
    env.cr.execute(
        SQL(
            "SELECT setval(%s, COALESCE((SELECT MAX(id) FROM %s), 0) + 1, FALSE)",
            f"{table}_id_seq",
            SQL.identifier(table),
        )
    )
