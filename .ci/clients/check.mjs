// The clients for Node of OpenAI, Anthropic and ollama against the servers that .ci/clients/run has started.
import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama";
import OpenAI from "openai";

const { KVRUN_TINY: tiny, KVRUN_PARROT: parrot, KVRUN_NARROW: narrow, KVRUN_KEY: key } = process.env;
const openai = (url, apiKey = "none") => new OpenAI({ baseURL: url + "/v1", apiKey, maxRetries: 0 });
const anthropic = (url, apiKey = "none") => new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });

const matter = [{ role: "user", content: "What is the matter?" }];
const few = { model: "tiny", messages: matter, max_tokens: 12, temperature: 0 };
const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const weather = { model: "parrot", messages: [{ role: "user", content: "How is the weather?" }], max_tokens: 500 };
const functions = [{ type: "function", function: { name: "get_weather", description: "the weather of a place", parameters: city } }];
const tools = [{ name: "get_weather", description: "the weather of a place", input_schema: city }];

const get = async (url, path) => (await fetch(url + path, { headers: { "x-api-key": key } })).text();
const busy = async (url) => JSON.parse(await get(url, "/slots")).filter((slot) => slot.is_processing).length;

async function eventually(done) {
  for (const end = Date.now() + 5000; !(await done()); await new Promise((resolve) => setTimeout(resolve, 20))) {
    assert.ok(Date.now() < end, `it never came to this: ${done}`);
  }
}

async function all(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

test("openai: a stream is the whole, with its usage at the end", async () => {
  const c = openai(tiny);
  const whole = await c.chat.completions.create(few);
  const pieces = await all(await c.chat.completions.create({ ...few, stream: true, stream_options: { include_usage: true } }));
  const usage = pieces.pop();
  assert.equal(pieces.map((x) => x.choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
  assert.equal(pieces.at(-1).choices[0].finish_reason, "length");
  assert.deepEqual([usage.choices, usage.usage.completion_tokens], [[], 12]);
  assert.equal(usage.usage.prompt_tokens_details.cached_tokens, usage.usage.prompt_tokens - 1);
});

test("openai: seed, n, logprobs", async () => {
  const c = openai(tiny);
  const drawn = { ...few, temperature: 1.5, seed: 7, n: 2, logprobs: true, top_logprobs: 2 };
  const [first, again] = [await c.chat.completions.create(drawn), await c.chat.completions.create(drawn)];
  const texts = (x) => x.choices.map((choice) => choice.message.content);
  assert.deepEqual(texts(first), texts(again));
  assert.equal(new Set(texts(first)).size, 2);
  for (const { logprobs } of first.choices) assert.deepEqual(logprobs.content.map((x) => x.top_logprobs.length), Array(12).fill(2));
});

test("openai: an answer is held to a schema", async () => {
  const schema = { type: "object", additionalProperties: false, required: ["mood"], properties: { mood: { enum: ["merry", "grim"] } } };
  const answer = await openai(tiny).chat.completions.parse({ ...few, max_tokens: 60, response_format: { type: "json_schema", json_schema: { name: "king", schema } } });
  assert.deepEqual(Object.keys(answer.choices[0].message.parsed), ["mood"]);
  assert.ok(["merry", "grim"].includes(answer.choices[0].message.parsed.mood));
});

test("openai: runTools calls the function and gets what the model says of its result", async () => {
  const asked = [];
  const called = { ...functions[0].function, parse: JSON.parse, function: (args) => (asked.push(args.city), "sunny") };
  const runner = openai(parrot).chat.completions.runTools({ ...weather, stream: true, tools: [{ type: "function", function: called }] });
  assert.equal(await runner.finalContent(), "It is sunny, 21 °C.");
  assert.deepEqual(asked, ["São Paulo"]);
});

test("openai: the helper for the events of a response", async () => {
  const asked = { model: "parrot", input: "How is the weather?", max_output_tokens: 300, tools: [{ type: "function", strict: false, ...functions[0].function }] };
  const stream = openai(parrot).responses.stream(asked);
  const events = await all(stream);
  const final = await stream.finalResponse();
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
  assert.deepEqual(final.output.map((x) => x.type), ["reasoning", "message", "function_call"]);
  assert.deepEqual([final.status, final.output_text, final.output[2].arguments], ["completed", "Let me look.", '{"city":"São Paulo"}']);
});

test("openai: models", async () => {
  assert.deepEqual((await all(openai(tiny).models.list())).map((m) => m.id), ["tiny"]);
});

test("openai: errors are of the client's classes", async () => {
  const create = (c, more) => c.chat.completions.create({ ...few, ...more });
  await assert.rejects(create(openai(tiny), { temperature: -1 }), (e) => e instanceof OpenAI.BadRequestError && e.param === "temperature");
  await assert.rejects(create(openai(tiny), { model: "gpt-4o" }), OpenAI.NotFoundError);
  await assert.rejects(create(openai(narrow, "another key")), OpenAI.AuthenticationError);
  assert.equal((await create(openai(narrow, key))).usage.completion_tokens, 12);
});

test("openai: a stream that is left frees its slot", async () => {
  for await (const _ of await openai(tiny).chat.completions.create({ ...few, max_tokens: 8000, ignore_eos: true, stream: true })) {
    await eventually(async () => (await busy(tiny)) === 1);
    break;
  }
  await eventually(async () => (await busy(tiny)) === 0);
});

test("anthropic: the helper for a stream, a tool and its result", async () => {
  const c = anthropic(parrot);
  const stream = c.messages.stream({ ...weather, tools });
  const texts = [];
  stream.on("text", (text) => texts.push(text));
  const m = await stream.finalMessage();
  assert.equal(texts.join(""), "Let me look.");
  assert.deepEqual(m.content.map((x) => x.type), ["thinking", "text", "tool_use"]);
  assert.deepEqual([m.stop_reason, m.content[0].thinking, m.content[2].input], ["tool_use", "They want weather.", { city: "São Paulo" }]);
  const result = { role: "user", content: [{ type: "tool_result", tool_use_id: m.content[2].id, content: "sunny" }] };
  const last = await c.messages.create({ ...weather, tools, messages: [...weather.messages, { role: "assistant", content: m.content }, result] });
  assert.deepEqual([last.stop_reason, last.content[0].text], ["end_turn", "It is sunny, 21 °C."]);
});

test("anthropic: tokens are counted as a message then takes them", async () => {
  const { max_tokens, ...asked } = { ...weather, tools };
  const { input_tokens: n } = await anthropic(parrot).messages.countTokens(asked);
  const { usage } = await anthropic(parrot).messages.create({ ...asked, max_tokens });
  assert.equal(n, usage.input_tokens + usage.cache_read_input_tokens);
});

test("anthropic: errors are of the client's classes", async () => {
  await assert.rejects(anthropic(tiny).messages.create({ ...few, no_such_field: 1 }), (e) => e instanceof Anthropic.BadRequestError && e.message.includes("no_such_field"));
  await assert.rejects(anthropic(tiny).messages.create({ ...few, model: "claude" }), Anthropic.NotFoundError);
  await assert.rejects(anthropic(narrow, "another key").messages.create(few), Anthropic.AuthenticationError);
});

test("ollama: chat, generate, list, show", async () => {
  const c = new Ollama({ host: tiny });
  const asked = { model: "tiny", options: { num_predict: 12, temperature: 0 } };
  const whole = await c.chat({ ...asked, messages: matter });
  const pieces = await all(await c.chat({ ...asked, messages: matter, stream: true }));
  assert.equal(pieces.map((x) => x.message.content).join(""), whole.message.content);
  assert.deepEqual([whole.eval_count, whole.done_reason, pieces.at(-1).done], [12, "length", true]);
  assert.ok((await c.generate({ ...asked, prompt: "What is the matter?" })).response);
  assert.deepEqual((await c.list()).models.map((m) => m.name), ["tiny"]);
  assert.ok((await new Ollama({ host: parrot }).show({ model: "parrot" })).capabilities.includes("tools"));
  await assert.rejects(c.generate({ model: "llama3", prompt: "Hello" }), (e) => e.status_code === 404);
});

test("ollama: a tool", async () => {
  const { message } = await new Ollama({ host: parrot }).chat({ model: "parrot", messages: weather.messages, tools: functions });
  assert.deepEqual([message.thinking, message.content], ["They want weather.", "Let me look."]);
  assert.deepEqual(message.tool_calls.map((x) => [x.function.name, x.function.arguments]), [["get_weather", { city: "São Paulo" }]]);
});
