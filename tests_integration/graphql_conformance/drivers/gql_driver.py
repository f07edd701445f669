"""Asks with gql: one ``{"document", "variables"}`` per line of the input, one answer per line of the output.

gql fetches the schema and checks each document against it before sending it.
"""

import json
import sys

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport


def main(url: str, key: str) -> None:
    transport = RequestsHTTPTransport(url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
    with Client(transport=transport, fetch_schema_from_transport=True, execute_timeout=60) as session:
        for line in sys.stdin:
            call = json.loads(line)
            request = GraphQLRequest(call["document"], variable_values=call["variables"])
            try:
                answer = {"data": session.execute(request)}
            except TransportQueryError as error:
                answer = {"data": error.data, "errors": error.errors}
            except Exception as error:
                answer = {"failure": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)


main(*sys.argv[1:])
