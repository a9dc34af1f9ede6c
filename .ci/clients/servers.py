"""The servers that .ci/clients/run has started, and what is asked of them."""

import json
import os
import re
import time
import urllib.request

TINY = os.environ["KVRUN_TINY"]  # the embedded model, by exact math
PARROT = os.environ["KVRUN_PARROT"]  # it thinks, speaks and calls get_weather; after a result it speaks only
NARROW = os.environ["KVRUN_NARROW"]  # the embedded model: one text at a time, one that waits, and a key
KEY = os.environ["KVRUN_KEY"]  # the key of NARROW

MATTER = [{"role": "user", "content": "What is the matter?"}]
WEATHER = [{"role": "user", "content": "How is the weather in São Paulo?"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SUNNY = "It is sunny, 21 °C."  # what the parrot says of a result


def get(url, path):
    """The text at a path of a server."""
    request = urllib.request.Request(url + path, headers={"x-api-key": KEY})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()


def busy(url):
    """How many slots of a server have a text in them."""
    return sum(slot["is_processing"] for slot in json.loads(get(url, "/slots")))


def waiting(url):
    """How many texts wait for a slot of a server."""
    return int(re.search(r"^llamacpp:requests_deferred (\d+)$", get(url, "/metrics"), re.MULTILINE)[1])


def eventually(done, seconds=5):
    """Whether something comes to be true before the seconds are over."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
