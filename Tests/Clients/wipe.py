"""Each test finds an empty server, as it finds an empty memory."""
import json, os, urllib.request

import pytest

url = os.environ["QDRANT_URL"]


@pytest.fixture(autouse=True)
def wipe():
    names = json.load(urllib.request.urlopen(url + "/collections"))["result"]["collections"]
    for name in names:
        urllib.request.urlopen(urllib.request.Request(f"{url}/collections/{name['name']}", method="DELETE"))
