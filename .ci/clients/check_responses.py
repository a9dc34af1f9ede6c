"""openai-python against /v1/responses of kvrun serve."""

import unittest

import openai

from check_openai import King, client
from servers import CITY, MATTER, PARROT, SUNNY, TINY

TOOLS = [{"type": "function", "name": "get_weather", "parameters": CITY, "strict": False}]
ASKED = {"model": "parrot", "input": "How is the weather?", "max_output_tokens": 300, "tools": TOOLS}


class Responses(unittest.TestCase):
    def setUp(self):
        self.c = client(PARROT)
        self.addCleanup(self.c.close)

    def test_items_and_result(self):
        r = self.c.responses.create(**ASKED)
        self.assertEqual([x.type for x in r.output], ["reasoning", "message", "function_call"])
        self.assertEqual((r.status, r.output_text), ("completed", "Let me look."))
        self.assertEqual((r.output[2].name, r.output[2].arguments), ("get_weather", '{"city":"São Paulo"}'))
        result = {"type": "function_call_output", "call_id": r.output[2].call_id, "output": "sunny"}
        turns = [{"role": "user", "content": "How is the weather?"}, *r.output, result]
        self.assertEqual(self.c.responses.create(**{**ASKED, "input": turns}).output_text, SUNNY)

    def test_stream_helper(self):
        whole = self.c.responses.create(**ASKED)
        with self.c.responses.stream(**ASKED) as stream:
            events = list(stream)
            final = stream.get_final_response()
        self.assertEqual([e.sequence_number for e in events], list(range(len(events))))
        self.assertEqual([events[0].type, events[-1].type], ["response.created", "response.completed"])
        self.assertEqual("".join(e.delta for e in events if e.type == "response.output_text.delta"), whole.output_text)
        self.assertEqual([x.type for x in final.output], [x.type for x in whole.output])
        self.assertEqual(final.output_text, whole.output_text)
        self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)
        self.assertGreater(final.usage.output_tokens_details.reasoning_tokens, 0)

    def test_parse_json_schema(self):
        with client(TINY) as c:
            r = c.responses.parse(model="tiny", input=MATTER, max_output_tokens=100, text_format=King)
        self.assertIsInstance(r.output_parsed, King)

    def test_incomplete(self):
        r = self.c.responses.create(**{**ASKED, "max_output_tokens": 3})
        self.assertEqual((r.status, r.incomplete_details.reason), ("incomplete", "max_output_tokens"))

    def test_bad_request_names_the_param(self):
        for param, value in {"previous_response_id": "resp_1", "background": True, "no_such_field": 1}.items():
            with self.subTest(param), self.assertRaises(openai.BadRequestError) as caught:
                self.c.responses.create(**ASKED, extra_body={param: value})
            self.assertEqual(caught.exception.param, param)
