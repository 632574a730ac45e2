// OpenAI's own JavaScript client against the grid. Run by OpenAiJavaScriptTests: node client.mjs <scenario> <json of what it needs>.
// A scenario that fails throws, and the process ends with another code than 0.
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";

const [scenario, given] = process.argv.slice(2);
const { baseURL, apiKey, model, ...wanted } = JSON.parse(given);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const weather = {
  name: "weather",
  description: "Weather of a city",
  parameters: { type: "object", properties: { input: { type: "string" } }, required: ["input"] },
};

const scenarios = {
  async chat() {
    const { data, response, request_id } = await client.chat.completions
      .create({ model, messages: [{ role: "user", content: "one two three" }] })
      .withResponse();
    assert.equal(data.choices[0].message.content, "one two three");
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.equal(data.model, model);
    assert.equal(data.usage.completion_tokens, 3);
    assert.match(response.headers.get("x-request-id"), /^req_/);
    assert.equal(request_id, response.headers.get("x-request-id"));
  },

  async stream() {
    const stream = await client.chat.completions.create({
      model, stream: true, stream_options: { include_usage: true }, messages: [{ role: "user", content: "one two three" }],
    });
    let text = "", usage, chunks = 0;
    for await (const chunk of stream) {
      chunks++;
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, "one two three");
    assert.equal(usage.completion_tokens, 3);
    assert.ok(chunks > 3, `${chunks} chunks`);

    const final = await client.chat.completions.stream({ model, messages: [{ role: "user", content: "a b" }] }).finalChatCompletion();
    assert.equal(final.choices[0].message.content, "a b");
  },

  // Three turns: a call that is forced, its result, and a question that the model may answer itself.
  async tools() {
    const messages = [{ role: "user", content: "Paris" }];
    const tools = [{ type: "function", function: weather }];
    const first = await client.chat.completions.create({ model, messages, tools, tool_choice: "required" });
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    const call = first.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, "weather");
    assert.deepEqual(JSON.parse(call.function.arguments), { input: "Paris" });

    messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" });
    const second = await client.chat.completions.create({ model, messages, tools });
    assert.equal(second.choices[0].message.content, "sunny");

    messages.push(second.choices[0].message, { role: "user", content: "thanks" });
    const stream = client.chat.completions.stream({ model, messages, tools });
    assert.equal((await stream.finalMessage()).content, "thanks");
  },

  async streamedTools() {
    const stream = client.chat.completions.stream({
      model, messages: [{ role: "user", content: "Paris" }], tools: [{ type: "function", function: weather }], tool_choice: "required",
    });
    const message = await stream.finalMessage();
    assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { input: "Paris" });
  },

  async structured() {
    const completion = await client.chat.completions.parse({
      model,
      messages: [{ role: "user", content: "where?" }],
      response_format: {
        type: "json_schema",
        json_schema: { name: "place", strict: true, schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } },
      },
    });
    assert.deepEqual(JSON.parse(completion.choices[0].message.content), { city: "Paris" });
    assert.deepEqual(completion.choices[0].message.parsed, { city: "Paris" });
  },

  async embeddings() {
    // The client asks for base64 by itself, and unpacks it.
    const packed = await client.embeddings.create({ model, input: ["one", "two"] });
    assert.equal(packed.data.length, 2);
    assert.deepEqual(Array.from(packed.data[1].embedding), wanted.vector);
    const plain = await client.embeddings.create({ model, input: "one", encoding_format: "float" });
    assert.deepEqual(plain.data[0].embedding, wanted.vector);
    assert.equal(plain.usage.prompt_tokens, 11);
    assert.equal(plain.model, model);
  },

  async images() {
    const inline = await client.images.generate({ model, prompt: "a dot", n: 2, response_format: "b64_json" });
    assert.deepEqual(inline.data.map((image) => image.b64_json), [wanted.png, wanted.png]);
    const linked = await client.images.generate({ model, prompt: "a dot", response_format: "url" });
    const answer = await fetch(linked.data[0].url);
    assert.equal(answer.headers.get("content-type"), "image/png");
    assert.equal(Buffer.from(await answer.arrayBuffer()).toString("base64"), wanted.png);
  },

  async speech() {
    const answer = await client.audio.speech.create({ model, voice: "alloy", input: "say this", response_format: "mp3" });
    assert.equal(answer.headers.get("content-type"), "audio/mpeg");
    assert.equal(Buffer.from(await answer.arrayBuffer()).toString("hex"), "0102030405");
  },

  async transcription() {
    const file = await toFile(Buffer.from("a tape"), "tape.wav", { type: "audio/wav" });
    const whole = await client.audio.transcriptions.create({ file, model, language: "en" });
    assert.equal(whole.text, "hello from the tape");
    const text = await client.audio.transcriptions.create({ file, model, response_format: "text" });
    assert.equal(text, "hello from the tape\n");
  },

  async completions() {
    const whole = await client.completions.create({ model, prompt: "one two" });
    assert.equal(whole.choices[0].text, "one two");
    let text = "";
    for await (const chunk of await client.completions.create({ model, prompt: "one two", stream: true })) {
      text += chunk.choices[0]?.text ?? "";
    }
    assert.equal(text, "one two");
  },

  async responses() {
    const whole = await client.responses.create({ model, input: "one two", instructions: "repeat" });
    assert.equal(whole.output_text, "one two");
    assert.equal(whole.status, "completed");
    assert.equal(whole.usage.output_tokens, 2);

    const tools = [{ type: "function", strict: false, ...weather }];
    const input = [{ role: "user", content: "Paris" }];
    const calling = await client.responses.create({ model, input, tools, tool_choice: "required" });
    const call = calling.output.find((item) => item.type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { input: "Paris" });
    input.push(...calling.output, { type: "function_call_output", call_id: call.call_id, output: "sunny" });
    assert.equal((await client.responses.create({ model, input, tools })).output_text, "sunny");
  },

  async responseStream() {
    const deltas = [];
    const stream = client.responses.stream({ model, input: "one two three" }).on("response.output_text.delta", (event) => deltas.push(event.delta));
    const final = await stream.finalResponse();
    assert.equal(final.output_text, "one two three");
    assert.deepEqual(deltas.join(""), "one two three");
    assert.ok(deltas.length > 1);

    const types = [];
    for await (const event of await client.responses.create({
      model, input: "Paris", stream: true, tools: [{ type: "function", strict: false, ...weather }], tool_choice: "required",
    })) {
      types.push(event.type);
      if (event.type === "response.function_call_arguments.done") {
        assert.deepEqual(JSON.parse(event.arguments), { input: "Paris" });
      }
    }
    assert.equal(types[0], "response.created");
    assert.equal(types.at(-1), "response.completed");
    assert.ok(types.includes("response.function_call_arguments.done"), types.join());
  },

  // Nothing is stored: the output goes back as input, with what the model wants back in its reasoning.
  async reasoning() {
    const ask = (input) => client.responses
      .stream({ model, input, store: false, include: ["reasoning.encrypted_content"], tools: [{ type: "function", strict: false, ...weather }] })
      .finalResponse();
    const input = [{ role: "user", content: "Paris" }];
    const { output } = await ask(input);
    assert.equal(output[0].type, "reasoning");
    assert.ok(output[0].encrypted_content);
    const call = output.find((item) => item.type === "function_call");
    await ask([...input, ...output, { type: "function_call_output", call_id: call.call_id, output: "sunny" }]);
  },

  async parsedResponse() {
    const response = await client.responses.parse({
      model,
      input: "where?",
      text: { format: { type: "json_schema", name: "place", strict: true, schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } } },
    });
    assert.deepEqual(response.output_parsed, { city: "Paris" });
  },

  async moderations() {
    const answer = await client.moderations.create({ model, input: "x" });
    assert.equal(answer.results[0].flagged, true);
  },

  async models() {
    const ids = [];
    for await (const one of client.models.list()) {
      ids.push(one.id);
    }
    assert.ok(ids.includes(model), ids.join());
    const found = await client.models.retrieve(model);
    assert.equal(found.id, model);
    assert.equal(found.object, "model");
  },

  // One of the client's error classes, by what provokes it.
  async error() {
    const caller = wanted.key === undefined ? client : new OpenAI({ baseURL, apiKey: wanted.key, maxRetries: 0 });
    const error = await caller.chat.completions.create(wanted.request ?? { model, messages: [{ role: "user", content: "hi" }] }).then(
      () => assert.fail("It succeeded."),
      (reason) => reason,
    );
    assert.ok(error instanceof OpenAI[wanted.class], `${error.constructor.name}: ${error.message}`);
    assert.equal(error.status, wanted.status);
    assert.equal(error.code, wanted.code);
    assert.match(error.requestID, /^req_/);
    assert.ok(error.type && error.message);
  },

  // The classes of calls that came to no answer.
  async unreachable() {
    const nowhere = new OpenAI({ baseURL: wanted.unreachable, apiKey, maxRetries: 0 });
    const error = await nowhere.models.list().catch((reason) => reason);
    assert.equal(error.constructor, OpenAI.APIConnectionError, String(error));
  },

  async impatient() {
    const error = await client.chat.completions
      .create({ model, messages: [{ role: "user", content: "hi" }] }, { timeout: 1000 })
      .catch((reason) => reason);
    assert.ok(error instanceof OpenAI.APIConnectionTimeoutError, String(error));
  },

  async aborted() {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1000);
    const error = await client.chat.completions
      .create({ model, messages: [{ role: "user", content: "hi" }] }, { signal: controller.signal })
      .catch((reason) => reason);
    assert.ok(error instanceof OpenAI.APIUserAbortError, String(error));
  },

  async brokenStream() {
    const error = await (async () => {
      for await (const _ of await client.chat.completions.create({ model, stream: true, messages: [{ role: "user", content: "hi" }] })) {
      }
      assert.fail("It ended well.");
    })().catch((reason) => reason);
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.equal(error.code, "backend_error");
  },

  // What the client does by itself when it is told to wait: it calls again.
  async retry() {
    const patient = new OpenAI({ baseURL, apiKey, maxRetries: 1 });
    const started = Date.now();
    await assert.rejects(patient.chat.completions.create({ model, messages: [{ role: "user", content: "hi" }] }), OpenAI.RateLimitError);
    assert.ok(Date.now() - started >= 900, `${Date.now() - started} ms`);
  },
};

await scenarios[scenario]();
console.log("ok");
