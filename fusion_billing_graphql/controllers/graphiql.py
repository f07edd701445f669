# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""GraphiQL: a page to explore the schema and try queries. Everything on it comes from this server."""

from werkzeug.exceptions import Forbidden, NotFound

from odoo import http
from odoo.api import SUPERUSER_ID
from odoo.http import request
from odoo.tools.misc import file_path

from ..limits.settings import Settings
from .graphql import URL

_GROUP = "fusion_centralize_billing.group_billing_user"
_STATIC = "/fusion_billing_graphql/static"
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
    <meta charset="utf-8">
    <title>Fusion Billing GraphiQL</title>
    <link rel="icon" href="{_STATIC}/description/icon.png">
    <link rel="stylesheet" href="{_STATIC}/lib/graphiql/graphiql.css">
    <link rel="stylesheet" href="{_STATIC}/src/graphiql.css">
</head>
<body>
    <div id="graphiql" data-url="{URL}"></div>
    <script src="{_STATIC}/lib/graphiql/react.js"></script>
    <script src="{_STATIC}/lib/graphiql/react-dom.js"></script>
    <script src="{_STATIC}/lib/graphiql/graphiql.js"></script>
    <script src="{_STATIC}/src/graphiql.js"></script>
</body>
</html>
"""
_MISSING = "GraphiQL was not installed with this addon: its files come from npm packages, see static/packages.json."
# The editor sets styles on elements; scripts come from files only.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)


class GraphiqlController(http.Controller):
    @http.route("/api/billing/graphiql", type="http", auth="public", methods=["GET"], readonly=True, save_session=False)
    def graphiql(self):
        access = Settings.load(request.env(user=SUPERUSER_ID)).graphiql
        if access == "off":
            raise NotFound
        if access == "users" and request.env.user._is_public():
            return request.redirect_query("/web/login", {"redirect": request.httprequest.path})
        if access == "users" and not request.env.user.has_group(_GROUP):
            raise Forbidden
        if not _is_installed():
            raise NotFound(_MISSING)
        return request.make_response(
            _PAGE, headers={"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _POLICY}
        )


def _is_installed():
    try:
        return bool(file_path("fusion_billing_graphql/static/lib/graphiql/graphiql.js"))
    except FileNotFoundError:
        return False
