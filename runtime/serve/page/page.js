"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const put = (id, text) => { if (at(id).textContent !== text) at(id).textContent = text; };

  // make is an element with a class and what is in it: text, or other elements.
  const make = (tag, kind, ...inside) => {
    const e = document.createElement(tag);
    if (kind) e.className = kind;
    e.append(...inside);
    return e;
  };
  const fact = (name, value) => make("div", "", make("dt", "", name), make("dd", "", value));

  // Numbers as people read them.
  const count = (n) => Number(n).toLocaleString("en");
  const short = (n) => n === 0 ? "0" : n >= 100 ? count(Math.round(n)) : n >= .001 ? String(+n.toPrecision(3)) : n.toExponential(1);
  const percent = (share) => `${+(100 * share).toFixed(1)} %`;
  const took = (ms) => ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  const bytes = (n) => {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let i = 0;
    for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
    return `${i ? short(n) : count(n)} ${units[i]}`;
  };
  const many = (n, one, more) => `${count(n)} ${n === 1 ? one : more}`;

  // ---- Asking the server. A key is in this variable, and nowhere else.
  let key = "";
  const ask = async (path, options = {}) => {
    const headers = { ...options.headers };
    if (key) headers.Authorization = `Bearer ${key}`;
    const answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit", redirect: "error" });
    if (answer.ok) return answer;
    let message = `the server answers with status ${answer.status}`;
    try {
      message = (await answer.json()).error.message;
    } catch { /* no JSON: the status has to do */ }
    if (answer.status === 401) lock();
    throw new Error(message);
  };

  const lock = () => {
    put("keynote", key ? "The server does not know this key." : "");
    put("state", "The server needs a key.");
    if (!at("keyform").hidden) return;
    at("keyform").hidden = false;
    at("key").focus();
  };
  at("keyform").addEventListener("submit", (event) => {
    event.preventDefault();
    key = at("key").value.trim();
    at("key").value = "";
    put("keynote", "");
    learn().then(watch, (error) => { if (!at("keynote").textContent) put("keynote", error.message); });
  });

  // learn asks what does not change while the server runs.
  let learned = false;
  const learn = async () => {
    const model = (await (await ask("v1/models")).json()).data[0];
    const props = await (await ask("props")).json();
    showPlan((await (await ask("v1/kv")).json()).data[0]);
    put("model", model.id);
    document.title = `${model.id} · kvrun`;
    put("state", `${count(model.meta.n_ctx)} positions for a text, ${many(props.total_slots, "text", "texts")} at the same time`);
    at("temperature").placeholder = String(props.default_generation_settings.params.temperature);
    if (!at("keyform").hidden) {
      at("keyform").hidden = true;
      at("say").focus();
    }
    learned = true;
  };

  // ---- The conversation.
  let said = []; // what the model is told of it
  let running = null; // an AbortController while an answer comes

  const busy = (is) => {
    const from = document.activeElement;
    at("send").hidden = is;
    at("stop").hidden = !is;
    if (from === at("send") || from === at("stop")) (is ? at("stop") : at("say")).focus();
  };

  // near says whether the end of the page's conversation is in view, so that it follows the answer.
  const near = () => at("form").getBoundingClientRect().bottom < window.innerHeight + 80 &&
    at("log").getBoundingClientRect().bottom < window.innerHeight + 80;
  const follow = (doing) => {
    const was = near();
    doing();
    const beyond = at("log").getBoundingClientRect().bottom + 24 - at("form").getBoundingClientRect().top;
    if (was && beyond > 0) window.scrollBy(0, beyond);
  };

  const message = (role, name) => {
    const e = make("article", role, make("h3", "", name));
    e.text = make("p", "text");
    e.text.dir = "auto";
    e.append(e.text);
    at("log").append(e);
    return e;
  };

  // aloud tells screen readers the answer by sentences, and not more often than every two seconds.
  const aloud = { text: "", timer: 0 };
  const speak = (text, last) => {
    aloud.text += text;
    if (last) {
      clearTimeout(aloud.timer);
      aloud.timer = 0;
      put("aloud", aloud.text);
      aloud.text = "";
    } else if (!aloud.timer) {
      aloud.timer = setTimeout(() => {
        aloud.timer = 0;
        const end = Math.max(...[". ", "! ", "? ", "\n"].map((mark) => aloud.text.lastIndexOf(mark)));
        if (end < 0) return;
        put("aloud", aloud.text.slice(0, end + 1));
        aloud.text = aloud.text.slice(end + 1);
      }, 2000);
    }
  };

  // events are the values of a stream of server-sent events.
  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("the connection ended before the answer did");
      const all = (rest + value).split("\n\n");
      rest = all.pop();
      for (const event of all) {
        if (!event.startsWith("data: ")) continue;
        if (event === "data: [DONE]") return;
        const data = JSON.parse(event.slice(6));
        if (data.error) throw new Error(data.error.message);
        yield data;
      }
    }
  }

  const request = () => {
    const system = at("system").value.trim();
    const body = { messages: system ? [{ role: "system", content: system }, ...said] : said, stream: true, stream_options: { include_usage: true } };
    if (at("temperature").value !== "") body.temperature = Number(at("temperature").value);
    return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  };

  // thinking is a place for the model's thoughts, which is closed until someone opens it.
  const thinking = (e) => {
    const text = make("p", "text");
    e.thoughts = make("details", "", make("summary", "", "Thinking"), text);
    e.text.before(e.thoughts);
    return text.appendChild(new Text());
  };

  // receive writes an answer as it comes, and says how it ended.
  const receive = async (e, signal) => {
    const asked = performance.now();
    const answer = { content: "", why: "", usage: null, first: 0, last: 0 };
    const text = e.text.appendChild(new Text());
    let thoughts = null;
    const done = () => { if (e.thoughts) e.thoughts.querySelector("summary").textContent = "Thoughts"; };
    try {
      for await (const event of events((await ask("v1/chat/completions", { ...request(), signal })).body)) {
        if (event.usage) answer.usage = event.usage;
        const choice = event.choices[0];
        if (!choice) continue;
        const { content = "", reasoning_content: thought = "" } = choice.delta;
        if (choice.finish_reason) answer.why = choice.finish_reason;
        if (content || thought) {
          answer.last = performance.now();
          answer.first ||= answer.last;
        }
        follow(() => {
          if (thought) (thoughts ||= thinking(e)).appendData(thought);
          if (content) text.appendData(content);
        });
        if (!content) continue;
        done();
        answer.content += content;
        speak(content, false);
      }
    } catch (error) {
      answer.failed = error;
    }
    done();
    answer.wait = answer.first - asked;
    return answer;
  };

  // ending is what is told below an answer.
  const ending = (answer) => {
    const words = [];
    if (answer.failed) words.push("stopped");
    if (answer.why === "length") words.push("ended by the limit of tokens");
    if (answer.usage) {
      const { completion_tokens: n, prompt_tokens_details: { cached_tokens: cached }, prompt_tokens: prompt } = answer.usage;
      words.push(many(n, "token", "tokens"));
      if (n > 1 && answer.last > answer.first) words.push(`${short(1000 * (n - 1) / (answer.last - answer.first))} per second`);
      words.push(`${many(prompt, "token", "tokens")} of prompt, ${count(cached)} of them cached`);
    }
    if (answer.first) words.push(`first text after ${took(answer.wait)}`);
    return words.join(" · ");
  };

  const send = async (text) => {
    const mine = said;
    running = new AbortController();
    const { signal } = running;
    busy(true);
    let question, e;
    follow(() => {
      question = message("user", "You");
      question.text.textContent = text;
      e = message("assistant", "Answer");
    });
    e.scrollIntoView({ block: "nearest" });
    put("aloud", "");
    said.push({ role: "user", content: text });
    const answer = await receive(e, signal);
    if (mine !== said) return; // another conversation was begun
    follow(() => e.append(make("p", "note", ending(answer))));
    if (answer.failed && !signal.aborted) {
      const failed = make("p", "failed", answer.failed.message);
      failed.setAttribute("role", "alert");
      follow(() => e.append(failed));
    }
    if (answer.content) {
      said.push({ role: "assistant", content: answer.content });
    } else if (answer.failed) { // it was not answered: it is no part of the conversation
      said.pop();
      if (!at("say").value) at("say").value = text;
    } else {
      said.push({ role: "assistant", content: "" });
    }
    speak(signal.aborted ? " Stopped." : answer.failed ? "" : " End of the answer.", true);
    running = null;
    busy(false);
  };

  const submit = () => {
    const text = at("say").value.trim();
    if (!text || running || !at("temperature").reportValidity()) return;
    at("say").value = "";
    send(text);
  };
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  at("say").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  const stop = () => { if (running) running.abort(); };
  at("stop").addEventListener("click", stop);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") stop(); });
  at("fresh").addEventListener("click", () => {
    stop();
    running = null;
    said = [];
    at("log").replaceChildren();
    speak("A new conversation.", true);
    busy(false);
    at("say").focus();
  });

  // ---- What the server does: /metrics once a second, while the page is seen.
  const samples = []; // of the last two seconds
  let timer = 0, texts = "";

  const numbers = (text) => {
    const all = {};
    for (const line of text.split("\n")) {
      const m = line.match(/^([a-z_:]+) (\S+)$/);
      if (m) all[m[1]] = Number(m[2]);
    }
    return all;
  };

  // rate is tokens by the time that they took, since the oldest sample.
  const rate = (now, tokens, seconds) => {
    const then = samples[0] || now;
    const took = now[seconds] - then[seconds];
    return took > 0 ? short((now[tokens] - then[tokens]) / took) : "0";
  };

  const showNumbers = (now) => {
    put("prefill", rate(now, "llamacpp:prompt_tokens_total", "llamacpp:prompt_seconds_total"));
    put("decode", rate(now, "llamacpp:tokens_predicted_total", "llamacpp:tokens_predicted_seconds_total"));
    put("running", count(now["llamacpp:requests_processing"]));
    put("waiting", count(now["llamacpp:requests_deferred"]));
    const used = now.kvrun_cache_cells_in_use, cells = now.kvrun_cache_cells;
    put("occupancy", `${count(used)} of ${count(cells)} cells, ${percent(used / cells)} · ${bytes(used * perToken)} of ${bytes(cells * perToken)} · ` +
      many(now.kvrun_cache_prompts_kept, "prompt kept", "prompts kept"));
    at("bar").style.width = `${100 * used / cells}%`;
    samples.push(now);
    if (samples.length > 2) samples.shift();
  };

  const watch = async () => {
    clearTimeout(timer);
    timer = 0;
    if (document.visibilityState !== "visible" || !at("keyform").hidden) return;
    try {
      if (!learned) await learn();
      const now = numbers(await (await ask("metrics", { signal: AbortSignal.timeout(10000) })).text());
      showNumbers(now);
      const of = `${now.kvrun_shadow_texts_total} ${now.kvrun_shadow_texts_pending} ${now.kvrun_shadow_texts_skipped_total}`;
      if (of !== texts) showDrift((await (await ask("v1/kv")).json()).data[0].shadow);
      texts = of;
    } catch (error) {
      learned = false; // it may be another server that answers next
      samples.length = 0;
      if (at("keyform").hidden) put("state", `No answer: ${error.message}`);
    }
    clearTimeout(timer);
    timer = setTimeout(watch, 1000);
  };
  document.addEventListener("visibilitychange", watch);

  // ---- The plan of the cache.
  let perToken = 0;
  const showPlan = (cost) => {
    perToken = cost.bytes_per_token;
    at("facts").replaceChildren(
      fact("plan", cost.cache_plan), fact("for a token", bytes(cost.bytes_per_token)), fact("of f16", percent(cost.share_of_f16)),
      fact("bits per value", short(cost.bits_per_value)));
    put("measured", cost.measured || "Its error was not measured.");
    at("layers").replaceChildren(...spans(cost.layers).map(({ from, to, layer: l }) => {
      const name = make("th", "", from === to ? `${from}` : `${from}–${to}`);
      name.scope = "row";
      const shape = [`${l.kv_heads} × ${l.key_dim === l.value_dim ? l.key_dim : `${l.key_dim}/${l.value_dim}`}`];
      if (l.window) shape.push(make("small", "", `window ${count(l.window)}`));
      if (l.keep_first || l.keep_last) shape.push(make("small", "", `exact: first ${l.keep_first || 0}, last ${l.keep_last || 0}`));
      return make("tr", "", name, make("td", "", ...shape), side(l.k), side(l.v));
    }));
  };
  const side = (s) => {
    const cell = make("td", "type", s.effective);
    if (s.requested !== s.effective) cell.append(make("small", "", `asked: ${s.requested}${s.why ? `; ${s.why}` : ""}`));
    return cell;
  };

  // spans joins layers that follow each other and are alike.
  const spans = (layers) => {
    const all = [];
    for (const layer of layers) {
      const { layer: i, ...rest } = layer, like = JSON.stringify(rest), last = all[all.length - 1];
      if (last && last.like === like && last.to === i - 1) last.to = i;
      else all.push({ from: i, to: i, like, layer });
    }
    return all;
  };

  // ---- The drift: the texts that were replayed with the reference cache.
  const showDrift = (d) => {
    at("plots").hidden = !d || !d.last.length;
    if (!d) {
      put("drifted", "Shadow mode is off: --shadow 0.05 replays a twentieth of the texts with an f16 cache.");
      return;
    }
    const waits = (d.pending ? `, ${count(d.pending)} wait` : "") + (d.skipped ? `, ${count(d.skipped)} skipped` : "");
    put("drifted", d.tokens ?
      `${many(d.texts, "text", "texts")} of ${many(d.tokens, "token", "tokens")} replayed${waits}. Mean KLD ${short(d.kld_mean)} nats, ` +
      `at most ${short(d.kld_max)}; same top token ${percent(d.same_top)}.` : `No text was replayed yet${waits}.`);
    if (!d.last.length) return;
    const points = d.last.map((x) => ({ at: Date.parse(x.at), kld: x.kld_mean, top: 100 * x.same_top }));
    const least = 1e-9; // logarithms end here
    const logs = points.map((p) => Math.log10(Math.max(p.kld, least)));
    const low = Math.floor(Math.min(...logs)), high = Math.max(low + 1, Math.ceil(Math.max(...logs)));
    const bottom = Math.min(90, 10 * Math.floor(Math.min(...points.map((p) => p.top)) / 10));
    at("plots").replaceChildren(
      plot("Mean KLD of a text, nats", points, logs, [low, (low + high) / 2, high].filter(Number.isInteger), "",
        (v) => v <= -9 ? "≤ 1e-9" : `1e${v}`, `${short(points[points.length - 1].kld)} nats`),
      plot("Same top token, %", points, points.map((p) => p.top), [bottom, 100], "second", String, `${short(points[points.length - 1].top)} %`));
  };

  const draw = (tag, attributes, ...inside) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    e.append(...inside);
    return e;
  };

  // plot is a curve over the times of the points, whose values go from the first tick to the last.
  const plot = (name, points, values, ticks, kind, label, last) => {
    const wide = at("plots").clientWidth, high = 156, left = 50, right = wide - 10, top = 28, bottom = 130;
    const begin = points[0].at, span = points[points.length - 1].at - begin;
    const x = (i) => span ? left + 6 + (right - left - 12) * (points[i].at - begin) / span : (left + right) / 2;
    const y = (v) => bottom - (bottom - top) * (v - ticks[0]) / (ticks[ticks.length - 1] - ticks[0]);
    const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");
    const svg = draw("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img" }, draw("title", {}, name),
      draw("desc", {}, `${many(points.length, "text", "texts")}, the last of which has ${last}`),
      draw("text", { x: 2, y: 14, class: "name" }, name));
    for (const v of ticks) {
      svg.append(draw("line", { x1: left, x2: right, y1: y(v), y2: y(v), class: v === ticks[0] ? "axis" : "grid" }),
        draw("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, label(v)));
    }
    svg.append(draw("polyline", { points: values.map((v, i) => `${x(i)},${y(v)}`).join(" "), class: `curve ${kind}` }));
    values.forEach((v, i) => svg.append(draw("circle", { cx: x(i), cy: y(v), r: 3, class: `knot ${kind}` })));
    svg.append(draw("text", { x: span ? left : x(0), y: high - 6, "text-anchor": span ? "start" : "middle" }, clock(begin)));
    if (span) svg.append(draw("text", { x: right, y: high - 6, "text-anchor": "end" }, clock(begin + span)));
    return make("figure", "fig", make("div", "plot", svg));
  };

  watch();
})();
