"""``python -m headrace.server.api`` prints the OpenAPI document, from which the types of the page are made."""

from __future__ import annotations

import json
import sys

from headrace.server.api import ENDPOINTS
from headrace.server.api.openapi import document_of

if __name__ == "__main__":
    sys.stdout.write(json.dumps(document_of(ENDPOINTS), indent=2) + "\n")
