"""ollama's client for Python against kvrun serve."""

import unittest

import ollama

from check_openai import King
from servers import CITY, MATTER, PARROT, SUNNY, TINY, WEATHER

TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "the weather of a place", "parameters": CITY}}]
FEW = {"num_predict": 12, "temperature": 0}


class Ollama(unittest.TestCase):
    def setUp(self):
        self.c, self.p = ollama.Client(TINY), ollama.Client(PARROT)

    def test_chat(self):
        whole = self.c.chat("tiny", MATTER, options=FEW)
        self.assertEqual((whole.done, whole.done_reason, whole.eval_count), (True, "length", 12))
        pieces = list(self.c.chat("tiny", MATTER, options=FEW, stream=True))
        self.assertEqual("".join(x.message.content or "" for x in pieces), whole.message.content)
        self.assertEqual([x.done for x in pieces], [False] * (len(pieces) - 1) + [True])

    def test_generate(self):
        whole = self.c.generate("tiny", "What is the matter?", options=FEW)
        self.assertTrue(whole.response)
        pieces = self.c.generate("tiny", "What is the matter?", options=FEW, stream=True)
        self.assertEqual("".join(x.response for x in pieces), whole.response)

    def test_format(self):
        answer = self.c.chat("tiny", MATTER, format=King.model_json_schema(), options={"num_predict": 100})
        King.model_validate_json(answer.message.content)

    def test_tools(self):
        called = self.p.chat("parrot", WEATHER, tools=TOOLS, options={"temperature": 0})
        self.assertEqual((called.message.thinking, called.message.content), ("They want weather.", "Let me look."))
        self.assertEqual([(x.function.name, x.function.arguments) for x in called.message.tool_calls], [("get_weather", {"city": "São Paulo"})])
        result = {"role": "tool", "tool_name": "get_weather", "content": "sunny"}
        self.assertEqual(self.p.chat("parrot", [*WEATHER, called.message, result], tools=TOOLS).message.content, SUNNY)

    def test_models(self):
        self.assertEqual([m.model for m in self.c.list().models], ["tiny"])
        self.assertEqual([m.model for m in self.c.ps().models], ["tiny"])
        shown = self.p.show("parrot")
        self.assertIn("tools", shown.capabilities)
        self.assertEqual(shown.modelinfo["general.architecture"], "llama")

    def test_errors(self):
        for fields, status in ({"model": "llama3"}, 404), ({"model": "tiny", "options": {"no_such": 1}}, 400):
            with self.assertRaises(ollama.ResponseError) as caught:
                self.c.generate(prompt="Hello", **fields)
            self.assertEqual(caught.exception.status_code, status)
