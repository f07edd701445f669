"""Serving a database for people to look around."""

from runtime import databases, layout, postgres, server
from runtime.configuration import ServerOptions
from runtime.progress import Fault, say
from runtime.server import Odoo
from runtime.setup import Runtime
from runtime.supervision import Supervisor

from . import provisioning
from .back_office import LOGIN, PASSWORD, BackOffice
from .source_app import BASE


def serve(runtime: Runtime, database: str, port: int | None) -> None:
    """Serve ``database`` until Ctrl-C; a server that ends is started again."""
    with postgres.running() as connection:
        odoo = Odoo(runtime.source, connection)
        if not databases.exists(odoo, database) or not databases.has_addons(odoo, database):
            raise Fault(f"there is no database {database} with the addons: make one with scripts/run -d {database}")
        server.check_port(port)
        options = ServerOptions(database, port or server.free_port())
        log = layout.LOGS / f"{database}-server.log"
        say(f"starting the servers (logs: {log}, {server.log_of_jobs(log).name})")
        supervisor = Supervisor.apart(odoo, options, log)
        try:
            supervisor.start()
            _print_access(BackOffice(options.url, database))
            supervisor.run()
        except KeyboardInterrupt:
            say("stopping")
        finally:
            supervisor.stop()


def _print_access(office: BackOffice) -> None:
    service, key = provisioning.named_key(office, "serve")
    print(f"URL       {office.url}/odoo")
    print(f"login     {LOGIN}")
    print(f"password  {PASSWORD}")
    print(f"API       {office.url}{BASE}")
    print(f"API key   {key}   (service {service}; shown only here)")
    print("Ctrl-C ends it.", flush=True)
