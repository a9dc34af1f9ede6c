"""LangChain's ChatOpenAI against kvrun serve."""

import unittest

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from check_openai import King
from servers import PARROT, SUNNY, TINY


def model(url, name, **fields):
    return ChatOpenAI(base_url=url + "/v1", api_key="none", model=name, max_retries=0, temperature=0, timeout=60, **fields)


@tool
def get_weather(city: str) -> str:
    """The weather of a place."""
    return f"{city}: sunny"


class LangChain(unittest.TestCase):
    def test_stream_is_the_whole(self):
        m = model(TINY, "tiny", max_tokens=12, stream_usage=True)
        whole = m.invoke("What is the matter?")
        pieces = list(m.stream("What is the matter?"))
        self.assertEqual("".join(x.text for x in pieces), whole.text)
        self.assertEqual(whole.response_metadata["finish_reason"], "length")
        self.assertEqual(whole.usage_metadata["output_tokens"], 12)
        self.assertEqual(sum((x.usage_metadata or {}).get("output_tokens", 0) for x in pieces), 12)

    def test_tools(self):
        m = model(PARROT, "parrot", max_tokens=500).bind_tools([get_weather])
        asked = HumanMessage("How is the weather in São Paulo?")
        called = m.invoke([asked])
        self.assertEqual([(x["name"], x["args"]) for x in called.tool_calls], [("get_weather", {"city": "São Paulo"})])
        result = get_weather.invoke(called.tool_calls[0])
        self.assertIsInstance(result, ToolMessage)
        self.assertEqual(m.invoke([asked, called, result]).text, SUNNY)

    def test_tools_stream(self):
        first, *rest = model(PARROT, "parrot", max_tokens=500).bind_tools([get_weather]).stream("How is the weather?")
        for piece in rest:
            first += piece
        self.assertEqual([(x["name"], x["args"]) for x in first.tool_calls], [("get_weather", {"city": "São Paulo"})])

    def test_structured_output(self):
        m = model(TINY, "tiny", max_tokens=100).with_structured_output(King, method="json_schema")
        self.assertIsInstance(m.invoke("Name a king."), King)

    def test_forced_call(self):
        m = model(PARROT, "parrot", max_tokens=500).with_structured_output(King, method="function_calling")
        self.assertIsInstance(m.invoke("Name a king."), King)

    def test_responses(self):
        m = model(PARROT, "parrot", max_tokens=500, use_responses_api=True).bind_tools([get_weather])
        called = m.invoke("How is the weather?")
        self.assertEqual([(x["name"], x["args"]) for x in called.tool_calls], [("get_weather", {"city": "São Paulo"})])
