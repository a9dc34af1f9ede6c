"""openai-python against kvrun serve: chat completions, completions, models, errors."""

import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import openai
from pydantic import BaseModel, ConfigDict

from servers import CITY, KEY, MATTER, NARROW, PARROT, SUNNY, TINY, WEATHER, busy, eventually, waiting

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}]
ENDLESS = {"max_tokens": 8000, "stream": True, "extra_body": {"ignore_eos": True}}  # takes seconds


class King(BaseModel):
    model_config = ConfigDict(extra="forbid")
    mood: Literal["merry", "grim"]
    crowned: bool


def client(url, key="none"):
    return openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0, timeout=60)


def ask(c, **fields):
    return c.chat.completions.create(**{"model": "tiny", "messages": MATTER, "max_tokens": 12, "temperature": 0, **fields})


class Chat(unittest.TestCase):
    def setUp(self):
        self.c = client(TINY)
        self.addCleanup(self.c.close)

    def test_stream_is_the_whole(self):
        whole = ask(self.c)
        chunks = list(ask(self.c, stream=True))
        self.assertEqual("".join(x.choices[0].delta.content or "" for x in chunks), whole.choices[0].message.content)
        self.assertGreater(len(chunks), 5)
        self.assertEqual(chunks[-1].choices[0].finish_reason, "length")
        self.assertEqual({x.id for x in chunks}, {chunks[0].id})
        self.assertTrue(all(x.usage is None for x in chunks))

    def test_include_usage(self):
        chunks = list(ask(self.c, stream=True, stream_options={"include_usage": True}))
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, 12)
        self.assertEqual([x.usage for x in chunks[:-1]], [None] * (len(chunks) - 1))

    def test_stream_helper(self):
        stop = ask(self.c).choices[0].message.content[-2:]  # the helper has no final message of one that was cut
        whole = ask(self.c, stop=stop)
        with self.c.chat.completions.stream(model="tiny", messages=MATTER, max_tokens=12, temperature=0, stop=stop) as stream:
            kinds = {e.type for e in stream}
            final = stream.get_final_completion()
        self.assertLessEqual({"chunk", "content.delta", "content.done"}, kinds)
        self.assertEqual(final.choices[0].message.content, whole.choices[0].message.content)

    def test_usage_has_cached_tokens(self):
        ask(self.c)
        u = ask(self.c).usage
        self.assertEqual(u.prompt_tokens_details.cached_tokens, u.prompt_tokens - 1)
        self.assertEqual(u.total_tokens, u.prompt_tokens + u.completion_tokens)

    def test_plan_of_the_cache(self):
        fields = {"model": "tiny", "messages": MATTER, "max_tokens": 1}
        raw = self.c.chat.completions.with_raw_response.create(**fields)
        plan = raw.parse().system_fingerprint
        self.assertEqual(raw.headers["x-kvrun-cache-plan"], plan)
        self.assertEqual(ask(self.c, extra_body={"cache_plan": plan}).system_fingerprint, plan)
        with self.assertRaises(openai.BadRequestError) as caught:
            ask(self.c, extra_body={"cache_plan": "kv-0"})
        self.assertEqual(caught.exception.param, "cache_plan")

    def test_stop(self):
        text = ask(self.c).choices[0].message.content
        stop = text[len(text) // 2 :][:2]
        cut = ask(self.c, stop=["never there", stop]).choices[0]
        self.assertEqual((cut.message.content, cut.finish_reason), (text.split(stop)[0], "stop"))

    def test_seed(self):
        drawn = [ask(self.c, seed=seed, temperature=1.5).choices[0].message.content for seed in (7, 7, 8)]
        self.assertEqual(drawn[0], drawn[1])
        self.assertNotEqual(drawn[0], drawn[2])

    def test_n(self):
        several = ask(self.c, seed=7, temperature=1.5, n=3)
        self.assertEqual([x.index for x in several.choices], [0, 1, 2])
        self.assertEqual(len({x.message.content for x in several.choices}), 3)
        self.assertEqual(several.usage.completion_tokens, 36)

    def test_logprobs(self):
        choice = ask(self.c, logprobs=True, top_logprobs=3).choices[0]
        self.assertEqual(len(choice.logprobs.content), 12)
        for token in choice.logprobs.content:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertEqual(token.top_logprobs[0].token, token.token)
            self.assertEqual(bytes(token.bytes).decode(), token.token)
            self.assertLessEqual(token.logprob, 0)
        self.assertEqual("".join(x.token for x in choice.logprobs.content).strip(), choice.message.content.strip())

    def test_parse_json_schema(self):
        answer = self.c.chat.completions.parse(model="tiny", messages=MATTER, max_tokens=100, response_format=King)
        self.assertIsInstance(answer.choices[0].message.parsed, King)

    def test_completions(self):
        fields = {"model": "tiny", "prompt": "KING RICHARD III:\n", "max_tokens": 10, "temperature": 0}
        whole = self.c.completions.create(**fields, logprobs=2).choices[0]
        pieces = self.c.completions.create(**fields, stream=True)
        self.assertEqual("".join(x.choices[0].text for x in pieces), whole.text)
        self.assertEqual("".join(whole.logprobs.tokens), whole.text)

    def test_models(self):
        self.assertEqual([m.id for m in self.c.models.list()], ["tiny"])
        self.assertEqual(self.c.models.retrieve("tiny").object, "model")

    def test_cancelled_stream_frees_its_slot(self):
        stream = ask(self.c, **ENDLESS)
        next(iter(stream))
        self.assertTrue(eventually(lambda: busy(TINY) == 1))
        stream.close()
        self.assertTrue(eventually(lambda: busy(TINY) == 0))


class Tools(unittest.TestCase):
    def setUp(self):
        self.c = client(PARROT)
        self.addCleanup(self.c.close)

    def check(self, message):
        self.assertEqual(message.content, "Let me look.")
        self.assertEqual(message.model_extra["reasoning_content"], "They want weather.")
        self.assertEqual([(x.function.name, x.function.arguments) for x in message.tool_calls], [("get_weather", '{"city":"São Paulo"}')])

    def test_call_and_result(self):
        fields = {"model": "parrot", "max_tokens": 500, "tools": TOOLS}
        first = ask(self.c, **fields, messages=WEATHER).choices[0]
        self.assertEqual(first.finish_reason, "tool_calls")
        self.check(first.message)
        result = {"role": "tool", "tool_call_id": first.message.tool_calls[0].id, "content": "sunny"}
        last = ask(self.c, **fields, messages=[*WEATHER, first.message, result]).choices[0]
        self.assertEqual((last.message.content, last.finish_reason), (SUNNY, "stop"))

    def test_stream_helper(self):
        with self.c.chat.completions.stream(model="parrot", messages=WEATHER, max_tokens=500, temperature=0, tools=TOOLS) as stream:
            done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
            message = stream.get_final_completion().choices[0].message
        self.assertEqual([e.name for e in done], ["get_weather"])
        self.assertEqual([x.function.arguments for x in message.tool_calls], ['{"city":"São Paulo"}'])


class Errors(unittest.TestCase):
    def test_bad_request_names_the_param(self):
        with client(TINY) as c:
            for param, value in {"temperature": -1, "n": 1000, "no_such_field": 1, "stop": 5, "tool_choice": 5}.items():
                with self.subTest(param), self.assertRaises(openai.BadRequestError) as caught:
                    ask(c, extra_body={param: value})
                self.assertEqual((caught.exception.param, caught.exception.type), (param, "invalid_request_error"))

    def test_long_prompt(self):
        with client(TINY) as c, self.assertRaises(openai.BadRequestError) as caught:
            ask(c, messages=[{"role": "user", "content": "the king " * 20000}])
        self.assertEqual(caught.exception.code, "context_length_exceeded")

    def test_schema_that_cannot_be_enforced(self):
        schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"not": {}}}}
        with client(TINY) as c, self.assertRaises(openai.BadRequestError) as caught:
            ask(c, response_format=schema)
        self.assertEqual(caught.exception.param, "response_format")

    def test_not_found(self):
        with client(TINY) as c:
            with self.assertRaises(openai.NotFoundError):
                ask(c, model="gpt-4o")
            with self.assertRaises(openai.NotFoundError):
                c.models.retrieve("gpt-4o")

    def test_key(self):
        with client(NARROW, "another key") as c, self.assertRaises(openai.AuthenticationError) as caught:
            c.models.list()
        self.assertEqual(caught.exception.code, "invalid_api_key")
        with client(NARROW, KEY) as c:
            self.assertEqual([m.id for m in c.models.list()], ["tiny"])

    def test_full_queue(self):
        with client(NARROW, KEY) as c, ThreadPoolExecutor() as other:
            runs = ask(c, **ENDLESS)
            next(iter(runs))
            waits = other.submit(ask, c, **ENDLESS)
            self.assertTrue(eventually(lambda: waiting(NARROW) == 1))
            with self.assertRaises(openai.RateLimitError) as caught:
                ask(c)
            self.assertGreaterEqual(int(caught.exception.response.headers["retry-after"]), 1)
            runs.close()
            waits.result().close()
        self.assertTrue(eventually(lambda: busy(NARROW) + waiting(NARROW) == 0))
