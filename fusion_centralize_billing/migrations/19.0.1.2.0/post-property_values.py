# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Values of properties that are one number, 5 and 5.0, become one: they were kept as the client had written them.

Where a subscription has a value in one spelling only, it is renamed wherever it stands, also in periods that were
invoiced: groups and filters hold the same counters as before, and nothing is billed anew. Where there are several
spellings, what was invoiced stays as it is, for joining its groups would change its price: only counters behind the
last invoiced period are renamed, and rated anew.
"""

_NUMBER = r"^-?(0|[1-9][0-9]*)\.0+$"
_PLAIN = r"REGEXP_REPLACE(REGEXP_REPLACE({value}, '\.0+$', ''), '^-0$', '0')"

#: Every place where a subscription has values of properties.
_VALUES = """
    SELECT usage.subscription_id, usage.metric_id, pair.key AS name, pair.value
      FROM fusion_billing_usage AS usage
     CROSS JOIN JSONB_EACH_TEXT(CASE WHEN JSONB_TYPEOF(properties) = 'object' THEN properties END) AS pair
    UNION ALL
    SELECT entry.subscription_id, entry.metric_id, pair.key, pair.value
      FROM fusion_billing_usage_history AS entry
     CROSS JOIN LATERAL (VALUES (before -> 'properties'), (after -> 'properties')) AS side (properties)
     CROSS JOIN JSONB_EACH_TEXT(CASE WHEN JSONB_TYPEOF(side.properties) = 'object' THEN side.properties END) AS pair
    UNION ALL
    SELECT rating.subscription_id, rating.metric_id, pair.key, pair.value
      FROM fusion_billing_rating AS rating CROSS JOIN JSONB_EACH_TEXT(NULLIF(group_key, '')::jsonb) AS pair
    UNION ALL
    SELECT rating.subscription_id, rating.metric_id, filter ->> 0, accepted.value
      FROM fusion_billing_rating AS rating
     CROSS JOIN JSONB_ARRAY_ELEMENTS(terms -> 'filters') AS filter
     CROSS JOIN JSONB_ARRAY_ELEMENTS_TEXT(filter -> 1) AS accepted (value)
     WHERE rating.kind = 'usage'
"""
_SPELLINGS = f"""
    CREATE TEMPORARY TABLE fusion_spelling ON COMMIT DROP AS
    SELECT DISTINCT subscription_id, metric_id, name, value, {_PLAIN.format(value="value")} AS plain,
           FALSE AS is_mixed, '-infinity'::timestamp AS open_from
      FROM ({_VALUES}) AS found
     WHERE value ~ '{_NUMBER}'
"""
_MIXED = f"""
    UPDATE fusion_spelling AS spelling
       SET is_mixed = TRUE,
           open_from = COALESCE(
                (SELECT MAX(rating.period_end) FROM fusion_billing_rating AS rating
                  WHERE rating.subscription_id = spelling.subscription_id AND rating.state = 'billed'),
                '-infinity')
      FROM (SELECT subscription_id, metric_id, name, plain
              FROM (SELECT subscription_id, metric_id, name, plain, value FROM fusion_spelling
                    UNION
                    SELECT subscription_id, metric_id, name, plain, plain
                      FROM fusion_spelling JOIN ({_VALUES}) AS found USING (subscription_id, metric_id, name)
                     WHERE found.value = fusion_spelling.plain) AS known
             GROUP BY 1, 2, 3, 4 HAVING COUNT(*) > 1) AS several
     WHERE (several.subscription_id, several.metric_id, several.name, several.plain)
         = (spelling.subscription_id, spelling.metric_id, spelling.name, spelling.plain)
"""
_COUNTERS = """
    UPDATE fusion_billing_usage AS usage SET properties = usage.properties || renamed.properties
      FROM (SELECT usage.id, JSONB_OBJECT_AGG(spelling.name, spelling.plain) AS properties
              FROM fusion_billing_usage AS usage JOIN fusion_spelling AS spelling USING (subscription_id, metric_id)
             WHERE usage.properties ->> spelling.name = spelling.value AND usage.attributed_at >= spelling.open_from
             GROUP BY usage.id) AS renamed
     WHERE renamed.id = usage.id
"""
_HISTORY = """
    UPDATE fusion_billing_usage_history AS entry
       SET {side} = JSONB_SET(entry.{side}, '{{properties}}', entry.{side} -> 'properties' || renamed.properties)
      FROM (SELECT entry.id, JSONB_OBJECT_AGG(spelling.name, spelling.plain) AS properties
              FROM fusion_billing_usage_history AS entry
              JOIN fusion_spelling AS spelling USING (subscription_id, metric_id)
             WHERE entry.{side} -> 'properties' ->> spelling.name = spelling.value AND NOT spelling.is_mixed
             GROUP BY entry.id) AS renamed
     WHERE renamed.id = entry.id
"""
_GROUPS = """
    UPDATE fusion_billing_rating AS rating SET group_key = (rating.group_key::jsonb || renamed.properties)::text
      FROM (SELECT rating.id, JSONB_OBJECT_AGG(spelling.name, spelling.plain) AS properties
              FROM fusion_billing_rating AS rating JOIN fusion_spelling AS spelling USING (subscription_id, metric_id)
             WHERE NULLIF(rating.group_key, '')::jsonb ->> spelling.name = spelling.value AND NOT spelling.is_mixed
             GROUP BY rating.id) AS renamed
     WHERE renamed.id = rating.id
"""
#: The filters of terms, each value once; ``plain`` is the SQL of what takes the place of a value.
_FILTERS = """
    JSONB_SET(terms, '{{filters}}', (
        SELECT JSONB_AGG(
                JSONB_BUILD_ARRAY(filter -> 0, (
                    SELECT JSONB_AGG(DISTINCT {plain})
                      FROM JSONB_ARRAY_ELEMENTS_TEXT(filter -> 1) AS accepted (value)))
                ORDER BY place)
          FROM JSONB_ARRAY_ELEMENTS(terms -> 'filters') WITH ORDINALITY AS filters (filter, place)))
"""
_RATED_FILTERS = "UPDATE fusion_billing_rating AS rating SET terms = {filters} WHERE {found}".format(
    filters=_FILTERS.format(
        plain="""COALESCE(
            (SELECT spelling.plain FROM fusion_spelling AS spelling
              WHERE (spelling.subscription_id, spelling.metric_id) = (rating.subscription_id, rating.metric_id)
                AND (spelling.name, spelling.value) = (filter ->> 0, accepted.value) AND NOT spelling.is_mixed),
            accepted.value)"""
    ),
    found="""rating.kind = 'usage' AND EXISTS (
        SELECT FROM fusion_spelling AS spelling
         WHERE (spelling.subscription_id, spelling.metric_id) = (rating.subscription_id, rating.metric_id)
           AND NOT spelling.is_mixed)
       AND rating.terms -> 'filters' <> '[]'""",
)
_SAME_NUMBER = f"CASE WHEN {{value}} ~ '{_NUMBER}' THEN {_PLAIN} ELSE {{value}} END"
_VERSIONS = "UPDATE fusion_billing_charge_version SET terms = {filters} WHERE terms -> 'filters' <> '[]'".format(
    filters=_FILTERS.format(plain=_SAME_NUMBER.format(value="accepted.value"))
)
_DOUBLE_CHARGE_FILTERS = f"""
    DELETE FROM fusion_billing_charge_filter AS doubled USING fusion_billing_charge_filter AS kept
     WHERE (kept.charge_id, kept.name) = (doubled.charge_id, doubled.name) AND kept.id < doubled.id
       AND {_SAME_NUMBER.format(value="kept.value")} = {_SAME_NUMBER.format(value="doubled.value")}
"""
_CHARGE_FILTERS = f"""
    UPDATE fusion_billing_charge_filter SET value = {_PLAIN.format(value="value")} WHERE value ~ '{_NUMBER}'
"""
#: Have rated anew what was not invoiced yet.
_FEED = """
    INSERT INTO fusion_billing_usage_change (subscription_id, metric_id, from_at, to_at)
    SELECT usage.subscription_id, usage.metric_id, MIN(usage.attributed_at), MAX(usage.attributed_at)
      FROM (SELECT DISTINCT subscription_id, metric_id FROM fusion_spelling) AS touched
      JOIN fusion_billing_usage AS usage USING (subscription_id, metric_id)
     WHERE usage.attributed_at >= COALESCE(
            (SELECT MAX(rating.period_end) FROM fusion_billing_rating AS rating
              WHERE rating.subscription_id = touched.subscription_id AND rating.state = 'billed'),
            '-infinity')
     GROUP BY 1, 2
"""


def migrate(cr, version):
    cr.execute(_SPELLINGS)
    cr.execute(_MIXED)
    cr.execute(_COUNTERS)
    for side in ("before", "after"):
        cr.execute(_HISTORY.format(side=side))
    cr.execute(_GROUPS)
    cr.execute(_RATED_FILTERS)
    cr.execute(_VERSIONS)
    cr.execute(_DOUBLE_CHARGE_FILTERS)
    cr.execute(_CHARGE_FILTERS)
    cr.execute(_FEED)
