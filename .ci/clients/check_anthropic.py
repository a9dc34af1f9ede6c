"""Anthropic's client for Python against kvrun serve."""

import unittest

import anthropic

from servers import CITY, KEY, MATTER, NARROW, PARROT, SUNNY, TINY, WEATHER

TOOLS = [{"name": "get_weather", "description": "the weather of a place", "input_schema": CITY}]
ASKED = {"model": "parrot", "max_tokens": 500, "messages": WEATHER, "tools": TOOLS}


def client(url, key="none"):
    return anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=60)


class Messages(unittest.TestCase):
    def setUp(self):
        self.c = client(PARROT)
        self.addCleanup(self.c.close)

    def test_cached_tokens(self):
        with client(TINY) as c:
            asked = {"model": "tiny", "max_tokens": 12, "messages": MATTER, "extra_body": {"temperature": 0}}
            first, again = (c.messages.create(**asked) for _ in range(2))
        self.assertEqual((first.stop_reason, first.usage.output_tokens), ("max_tokens", 12))
        self.assertEqual(again.content[0].text, first.content[0].text)
        self.assertEqual(again.usage.input_tokens, 1)
        self.assertEqual(again.usage.cache_read_input_tokens, first.usage.input_tokens + first.usage.cache_read_input_tokens - 1)

    def test_stop_sequence(self):
        m = self.c.messages.create(model="parrot", max_tokens=100, messages=MATTER, stop_sequences=["never", "me loo"])
        self.assertEqual((m.stop_reason, m.stop_sequence, m.content[-1].text), ("stop_sequence", "me loo", "Let "))

    def test_tool_and_result(self):
        m = self.c.messages.create(**ASKED)
        self.assertEqual([x.type for x in m.content], ["thinking", "text", "tool_use"])
        self.assertEqual((m.stop_reason, m.content[0].thinking, m.content[1].text), ("tool_use", "They want weather.", "Let me look."))
        self.assertEqual((m.content[2].name, m.content[2].input), ("get_weather", {"city": "São Paulo"}))
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": m.content[2].id, "content": "sunny"}]}
        last = self.c.messages.create(**{**ASKED, "messages": [*WEATHER, {"role": "assistant", "content": m.content}, result]})
        self.assertEqual((last.stop_reason, [x.text for x in last.content]), ("end_turn", [SUNNY]))

    def test_stream_helper(self):
        whole = self.c.messages.create(**ASKED)
        with self.c.messages.stream(**ASKED) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual(text, "Let me look.")
        said = [x.model_dump(exclude={"id"}) for x in final.content]
        self.assertEqual(said, [x.model_dump(exclude={"id"}) for x in whole.content])
        self.assertEqual((final.stop_reason, final.usage.output_tokens), ("tool_use", whole.usage.output_tokens))

    def test_count_tokens(self):
        n = self.c.messages.count_tokens(model="parrot", messages=WEATHER, tools=TOOLS).input_tokens
        usage = self.c.messages.create(**ASKED).usage
        self.assertEqual(n, usage.input_tokens + usage.cache_read_input_tokens)

    def test_models(self):
        self.assertEqual([m.id for m in self.c.models.list()], ["parrot"])


class Errors(unittest.TestCase):
    def test_classes(self):
        asked = {"model": "tiny", "max_tokens": 5, "messages": MATTER}
        with client(TINY) as c:
            with self.assertRaisesRegex(anthropic.BadRequestError, "no_such_field"):
                c.messages.create(**asked, extra_body={"no_such_field": 1})
            with self.assertRaisesRegex(anthropic.NotFoundError, "not_found_error"):
                c.messages.create(**{**asked, "model": "claude"})
        with client(NARROW, "another key") as c, self.assertRaisesRegex(anthropic.AuthenticationError, "authentication_error"):
            c.messages.create(**asked)
        with client(NARROW, KEY) as c:
            self.assertEqual(c.messages.create(**asked).usage.output_tokens, 5)
