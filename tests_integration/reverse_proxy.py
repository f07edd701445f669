"""Debian's nginx with deploy/nginx/fusion-billing.conf, on free ports and with a certificate of its own."""

import contextlib
import getpass
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime import layout, setup
from runtime.server import free_port

CONFIGURATION = layout.CHECKOUT / "deploy" / "nginx" / "fusion-billing.conf"
#: What nginx.conf of Debian has around the sites, with everything that it writes in one folder.
_AROUND = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/main.log notice;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ReverseProxy:
    """A running nginx. ``logs`` is all that it has written."""

    def __init__(self, folder: Path, changes: Mapping[str, str]):
        self.port, self.plain_port = free_port(), free_port()
        self._folder = folder
        self._program = str(setup.ensure_nginx())
        _make_certificate(folder)
        self.context = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
        (folder / "site.conf").write_text(self._adapted(changes))
        # Its workers need the rights of whoever owns the folder; only root may choose them.
        user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(_AROUND.format(folder=folder, user=user))

    def check(self) -> str:
        """Return what ``nginx -t`` says; an error of the configuration raises."""
        done = subprocess.run(self._command("-t"), capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def running(self) -> Iterator["ReverseProxy"]:
        process = subprocess.Popen(self._command())
        try:
            self._wait_until_it_listens(process)
            yield self
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()

    def connect(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """Return a TLS connection from an address of this machine."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(source, 0))
        return self.context.wrap_socket(plain, server_hostname="localhost")

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        connection = http.client.HTTPConnection("localhost", self.port, timeout=300)
        connection.sock = self.connect(source)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    @property
    def logs(self) -> str:
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))

    def _command(self, *options: str) -> list[str]:
        return [self._program, "-p", str(self._folder), "-c", str(self._folder / "nginx.conf"), *options]

    def _adapted(self, changes: Mapping[str, str]) -> str:
        """Return the delivered file with this machine's addresses and paths, and with ``changes``."""
        text = CONFIGURATION.read_text()
        here = {
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl;\n": "",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port} ssl;",
            "/etc/ssl/certs/billing.example.com.pem": f"{self._folder}/certificate.pem",
            "/etc/ssl/private/billing.example.com.key": f"{self._folder}/key.pem",
            "server_name billing.example.com;": "server_name localhost;",
            "/var/log/nginx": str(self._folder),
        }
        for old, new in {**here, **changes}.items():
            assert old in text, f"the delivered configuration has no {old!r} any more"
            text = text.replace(old, new)
        return text

    def _wait_until_it_listens(self, process: "subprocess.Popen[bytes]") -> None:
        while True:
            assert process.poll() is None, self.logs
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.05)


def _make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([*command, "-addext", "subjectAltName=DNS:localhost", *files], check=True, capture_output=True)
