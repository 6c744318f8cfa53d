// Asks forkcast once a second how it is, and shows the answer. Whatever it says becomes text, never markup.
"use strict";

const EVERY = 1000;
// A request that is not answered by then has failed: together with EVERY it is less than 3 s until the page says so.
const PATIENCE = 1500;
// What a sparkline shows, and over how long the bitrate beside it is taken.
const MINUTE = 60;
const RATE_OVER = 3;
// From here on a figure is worth a look.
const LAG_NOTED_MS = 2000;
const SILENCE_NOTED_MS = 2000;
const CERTIFICATE_DAYS = 30;

// What each state of a destination looks like, and what it is in words.
const STATES = {
  delivering: ["ok", "delivering"],
  connecting: ["warn", "connecting"],
  stalling: ["warn", "stalling: its server takes nothing"],
  held: ["warn", "held: waits for the encoder"],
  waiting: ["warn", "not connected"],
  parked: ["bad", "parked: it needs you"],
  wrong: ["bad", "wrong: its file has a mistake"],
  idle: ["off", "ready: starts with the encoder"],
  off: ["off", "off"],
};
// What is to be done about it, where that is not said by the failure itself.
const REMEDIES = {
  parked: "It is tried again as soon as its file changes, and when the next broadcast begins.",
  wrong: "Mend the file, then start forkcast again; `forkcast check` looks it through.",
};
// How far a connection came before it failed.
const STAGES = {
  resolve: "while its name was looked up",
  connect: "while connecting",
  tls: "in the TLS handshake",
  handshake: "in the RTMP handshake",
  rtmp_connect: "at RTMP's connect",
  publish: "at publish",
  sending: "while sending",
  ended_by_peer: "by its server",
};
const SEVERITY = ["off", "ok", "warn", "bad"];

// ---- elements

const byId = (id) => document.getElementById(id);

function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

// A screen reader and a selection are disturbed by what changes: only what is new is written.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A drawing has no property for it, only the attribute.
function show(element, isShown) {
  element.toggleAttribute("hidden", !isShown);
}

function writeOrHide(element, text) {
  show(element, Boolean(text));
  write(element, text || "");
}

function setTone(element, tone) {
  if (element.dataset.tone !== tone) element.dataset.tone = tone;
}

function drawing(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// A shape for each tone, so that none is told by its colour alone: [outline, mark].
const SHAPES = {
  ok: ["M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0z", "M4.5 8.2l2.5 2.6 4.7-5.3"],
  warn: ["M8 .6c.6 0 1 .3 1.3.8l6.4 12c.5 1-.2 2.1-1.3 2.1H1.6c-1.1 0-1.8-1.1-1.3-2.1l6.4-12c.3-.5.7-.8 1.3-.8z", "M8 5.5v4M8 12.4v.1"],
  bad: ["M4.7 0h6.6L16 4.7v6.6L11.3 16H4.7L0 11.3V4.7z", "M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6"],
};

class Icon {
  constructor(root) {
    this.root = root;
    root.setAttribute("aria-hidden", "true");
  }

  update(tone) {
    if (this.tone === tone) return;
    this.tone = tone;
    const svg = drawing("svg", { viewBox: "0 0 16 16" });
    const [outline, mark] = SHAPES[tone] || [];
    if (outline) {
      svg.append(drawing("path", { class: "shape", d: outline }), drawing("path", { class: "mark", d: mark }));
    } else {
      svg.append(drawing("circle", { class: "ring", cx: 8, cy: 8, r: 6 }));
    }
    this.root.replaceChildren(svg);
  }
}

// ---- numbers and times in words

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const count = (number) => number.toLocaleString("en");
const many = (number, one, more) => `${count(number)} ${number === 1 ? one : more}`;

function bitrate(bitsPerSecond) {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1e6).toFixed(bitsPerSecond < 1e8 ? 1 : 0)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${bytes.toFixed(unit === 0 || bytes >= 100 ? 0 : 1)} ${units[unit]}`;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function duration(seconds) {
  if (seconds < 1) return "less than 1 s";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86_400)} days`;
}

const decimal = (number) => number.toFixed(1).replace(/\.0$/, "");
const listed = (texts) => texts.filter(Boolean).join(", ");
const milliseconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

// The suite is in the status for those who want it.
const withoutCipher = (tls) => tls.replace(/ with \w+/, "");

// ---- a counter of bytes, as bits a second over the last minute

class Rate {
  constructor(label) {
    this.points = [];
    this.label = label;
    this.svg = drawing("svg", { class: "spark", viewBox: `0 0 ${MINUTE} 20`, preserveAspectRatio: "none", role: "img" });
    this.area = drawing("path", { class: "area" });
    this.line = drawing("path", { class: "line" });
    this.svg.append(drawing("path", { class: "base", d: `M0 19.5H${MINUTE}` }), this.area, this.line);
  }

  update(now, total) {
    const last = this.points.at(-1);
    // A counter that has gone back began anew.
    const sent = !last ? 0 : total >= last.total ? total - last.total : total;
    const bits = last ? (8 * sent) / Math.max(now - last.at, 0.001) : 0;
    this.points.push({ at: now, total, sent, bits });
    while (this.points[0].at < now - MINUTE - 2) this.points.shift();
  }

  now() {
    const newest = this.points.at(-1);
    const recent = this.points.filter((point) => point.at > newest.at - RATE_OVER - 0.5);
    const seconds = newest.at - recent[0].at;
    const sent = recent.slice(1).reduce((sum, point) => sum + point.sent, 0);
    return seconds > 0 ? (8 * sent) / seconds : 0;
  }

  isMoving() {
    return this.points.some((point) => point.bits > 0);
  }

  draw() {
    // The first point has nothing before it to be compared with.
    const points = this.points.slice(1);
    const highest = Math.max(...points.map((point) => point.bits), 1);
    const newest = this.points.at(-1).at;
    const places = points.map((point) => {
      const x = Math.max(MINUTE - (newest - point.at), 0);
      return `${x.toFixed(1)} ${(19 - (17 * point.bits) / highest).toFixed(1)}`;
    });
    if (places.length > 1) {
      const [first, last] = [places[0].split(" ")[0], places.at(-1).split(" ")[0]];
      this.line.setAttribute("d", `M${places.join("L")}`);
      this.area.setAttribute("d", `M${places.join("L")}L${last} 19.5L${first} 19.5z`);
    }
    this.svg.setAttribute("aria-label", `${this.label}: now ${bitrate(this.now())}, at most ${bitrate(highest)} in the last minute`);
  }
}

// ---- labelled figures

class Facts {
  constructor() {
    this.root = make("dl", "facts");
    this.entries = new Map();
  }

  update(label, text, { isNoted = false, isWide = false } = {}) {
    let entry = this.entries.get(label);
    if (!entry) {
      const value = make("dd");
      entry = { root: make("div", "", make("dt", "", label), value), value };
      this.entries.set(label, entry);
      this.root.append(entry.root);
    }
    show(entry.root, Boolean(text));
    write(entry.value, text || "");
    entry.root.classList.toggle("noted", isNoted);
    entry.root.classList.toggle("wide", isWide);
  }

  hasAny() {
    return [...this.entries.values()].some((entry) => !entry.root.hidden);
  }
}

// ---- a destination

const isWide = window.matchMedia("(min-width: 360px)");

class DestinationCard {
  constructor(name) {
    this.rate = new Rate(`bitrate to ${name}`);
    this.icon = new Icon(make("span", "icon"));
    this.bits = make("span", "rate");
    this.state = make("p", "state");
    this.reason = make("p", "reason");
    this.what = make("p", "what");
    this.remedy = make("p");
    this.when = make("p", "when");
    this.failure = make("div", "failure", this.what, this.remedy, this.when);
    this.limits = make("ul", "limits");
    this.limits.setAttribute("aria-label", `Limits of ${name} that the stream exceeds`);
    this.facts = new Facts();
    const title = make("summary", "", "Figures", make("span", "unseen", ` of ${name}`));
    this.figures = make("details", "figures", title, this.facts.root);
    this.root = make("li", "card",
      make("div", "top", this.icon.root, make("h3", "", name), this.bits),
      this.state, this.failure, this.reason, this.limits, this.rate.svg, this.figures);
    this.dropped = { total: 0, rose: -Infinity };
    this.fit();
    isWide.addEventListener("change", () => this.fit());
  }

  fit() {
    this.figures.open = isWide.matches;
  }

  update(destination, now) {
    const { state, last_error: error } = destination;
    const [tone, words] = STATES[state] || ["warn", state];
    const isConnected = ["delivering", "stalling", "held"].includes(state);
    setTone(this.root, tone);
    this.icon.update(tone);
    write(this.state, words + nextTry(destination));
    this.rate.update(now, destination.sent_bytes);
    this.rate.draw();
    writeOrHide(this.bits, isConnected ? bitrate(this.rate.now()) : "");
    show(this.rate.svg, isConnected || this.rate.isMoving());
    writeOrHide(this.reason, [ownReason(destination), REMEDIES[state]].filter(Boolean).join(" "));
    this.fail(error, tone);
    this.exceed(destination.limits_exceeded);
    this.figure(destination, isConnected, now);
  }

  // What a codec has to do with it is the reason why the destination is off.
  exceed(exceeded) {
    const lines = exceeded.filter(({ limit }) => limit !== "codec").map(({ message }) => sentence(message));
    show(this.limits, lines.length > 0);
    while (this.limits.children.length > lines.length) this.limits.lastChild.remove();
    while (this.limits.children.length < lines.length) this.limits.append(make("li"));
    lines.forEach((line, index) => write(this.limits.children[index], line));
  }

  fail(error, tone) {
    show(this.failure, Boolean(error));
    if (!error) return;
    const isPast = tone === "ok" || tone === "off";
    this.failure.classList.toggle("past", isPast);
    write(this.what, `${isPast ? "earlier: " : ""}${error.message}`);
    writeOrHide(this.remedy, isPast ? "" : error.hint);
    write(this.when, `${duration(error.seconds_ago)} ago, ${STAGES[error.stage] || error.stage}`);
  }

  figure(destination, isConnected, now) {
    const { dropped, connection } = destination;
    const tcp = isConnected && connection ? connection.tcp : null;
    const total = destination.dropped_messages;
    if (total > this.dropped.total) this.dropped = { total, rose: now };
    const reasons = [[dropped.skipped, "to reach a keyframe"], [dropped.picture, "of the picture"], [dropped.disposable, "disposable"]];
    const why = reasons.filter(([number]) => number).map(([number, reason]) => `${count(number)} ${reason}`).join(", ");
    const server = connection ? connection.server : destination.url;
    this.facts.update("Behind", isConnected ? milliseconds(destination.lag_ms) : "", { isNoted: destination.lag_ms > LAG_NOTED_MS });
    this.facts.update("Round trip", tcp ? milliseconds(tcp.round_trip_ms) : "");
    this.facts.update("Sent again", tcp ? many(tcp.retransmits, "packet", "packets") : "");
    this.facts.update("Sent", destination.sent_bytes ? size(destination.sent_bytes) : "");
    this.facts.update("Connected", destination.sessions ? many(destination.sessions, "time", "times") : "");
    this.facts.update("Encryption", connection && withoutCipher(connection.tls || "none"));
    this.facts.update("Dropped", total ? why || count(total) : destination.sessions ? "none" : "", { isNoted: now - this.dropped.rose < MINUTE, isWide: true });
    this.facts.update("Takes", destination.takes && sentence(destination.takes), { isWide: true });
    this.facts.update("Server", server && `${server}${connection && connection.is_backup ? ", the backup" : ""}`, { isWide: true });
    show(this.figures, this.facts.hasAny());
  }
}

function nextTry({ state, retry_in_ms: retry }) {
  if (state !== "waiting") return "";
  return retry === null ? ": next try when the encoder is back" : `: next try in ${Math.ceil(retry / 1000)} s`;
}

// A reason may repeat the failure, which is shown in full below it: then only what it adds.
function ownReason({ reason, last_error: error }) {
  if (!reason || !error) return reason;
  const rest = reason.replace(error.message, "").replace(error.hint, "").replace(/[;:\s]+$/, "");
  return rest && `${sentence(rest)}.`;
}

// ---- a stream

const CHANNELS = { 1: "mono", 2: "stereo", 6: "5.1", 8: "7.1" };

function withProfile(codec, track) {
  return codec && [codec, track && track.profile, track && track.level].filter(Boolean).join(" ");
}

function keyframes({ keyframe_interval_seconds: last, longest_keyframe_interval_seconds: longest }) {
  if (longest === null) return "";
  if (last === null) return `none for ${decimal(longest)} s`;
  const isEven = decimal(longest) === decimal(last);
  return `every ${decimal(last)} s${isEven ? "" : `, up to ${decimal(longest)} s`}`;
}

class StreamView {
  constructor(name) {
    this.rate = new Rate(`bitrate of ${name}`);
    this.title = make("h2", "", name);
    this.icon = new Icon(make("span", "icon"));
    this.words = make("span");
    this.state = make("p", "state", this.icon.root, this.words);
    this.bits = make("p", "rate");
    this.facts = new Facts();
    this.box = make("div", "stream", make("div", "top", this.title, this.bits, this.state), this.rate.svg, this.facts.root);
    this.cards = make("ul", "cards");
    this.cards.setAttribute("aria-label", `Destinations of ${name}`);
    this.offTitle = make("summary");
    this.offList = make("ul");
    this.off = make("details", "off-ones", this.offTitle, this.offList);
    this.root = make("section", "stream-and-more", this.box, this.cards, this.off);
    this.root.setAttribute("aria-label", `Stream ${name}`);
    this.destinations = new Map();
  }

  update(stream, now, isOnly) {
    const { state, publisher } = stream;
    // A name tells streams apart: where there is one, it says nothing.
    write(this.title, isOnly ? "Stream" : stream.name);
    const isSilent = publisher !== null && publisher.silent_ms > SILENCE_NOTED_MS;
    const tone = state === "live" ? (isSilent ? "warn" : "ok") : state === "held" ? "warn" : "off";
    setTone(this.box, tone);
    this.icon.update(tone);
    write(this.words, this.inWords(stream, isSilent));
    this.rate.update(now, stream.received_bytes);
    this.rate.draw();
    writeOrHide(this.bits, publisher ? bitrate(this.rate.now()) : "");
    show(this.rate.svg, Boolean(publisher) || this.rate.isMoving());
    this.figure(stream);
    this.list(stream.destinations, now);
  }

  inWords({ state, publisher, on_air_seconds: onAir, hold_left_ms: left }, isSilent) {
    if (state === "held") {
      const rest = left === null ? "" : `: ends in ${Math.ceil(left / 1000)} s if it does not return`;
      return `the encoder is gone${rest}`;
    }
    if (!publisher) return "waits for an encoder";
    const live = `live for ${clock(onAir === null ? publisher.seconds : onAir)}`;
    return isSilent ? `${live}, but nothing has come for ${duration(publisher.silent_ms / 1000)}` : live;
  }

  figure(stream) {
    const { publisher } = stream;
    const { video, audio } = stream;
    const codecs = [withProfile(stream.video_codec, video), withProfile(stream.audio_codec, audio)].filter(Boolean).join(" + ");
    this.facts.update("Codecs", publisher ? codecs || "not known yet" : "");
    this.facts.update("Picture", video && listed([
      video.width && `${video.width}×${video.height}`,
      video.frames_per_second && `${decimal(video.frames_per_second)} fps`,
      video.bits_per_second && bitrate(video.bits_per_second),
    ]));
    this.facts.update("Keyframes", video && keyframes(video));
    this.facts.update("Sound", audio && (audio.bits_per_second === 0 ? "none arrives" : listed([
      audio.sample_rate && `${decimal(audio.sample_rate / 1000)} kHz`,
      audio.channels && (CHANNELS[audio.channels] || `${audio.channels} channels`),
      audio.bits_per_second && bitrate(audio.bits_per_second),
    ])));
    this.facts.update("Received", publisher ? size(stream.received_bytes) : "");
    this.facts.update("Messages", publisher ? count(stream.received_messages) : "");
    this.facts.update("Key", publisher && publisher.name);
    this.facts.update("Encoder", publisher && publisher.address);
    this.facts.update("Transport", publisher && `${publisher.transport}, ${withoutCipher(publisher.tls || "not encrypted")}`);
  }

  list(destinations, now) {
    const on = onOnes({ destinations });
    const off = destinations.filter((destination) => destination.state === "off");
    const names = new Set(on.map((destination) => destination.name));
    for (const [name, card] of this.destinations) {
      if (names.has(name)) continue;
      card.root.remove();
      this.destinations.delete(name);
    }
    for (const destination of on) {
      let card = this.destinations.get(destination.name);
      if (!card) {
        card = new DestinationCard(destination.name);
        this.destinations.set(destination.name, card);
        this.cards.append(card.root);
      }
      card.update(destination, now);
    }
    show(this.cards, on.length > 0);
    show(this.off, off.length > 0);
    write(this.offTitle, `${many(off.length, "destination is", "destinations are")} off`);
    const said = JSON.stringify(off.map(({ name, reason }) => [name, reason]));
    if (this.said === said) return;
    this.said = said;
    this.offList.replaceChildren(...off.map(({ name, reason }) => make("li", "", make("b", "", name), " ", make("span", "reason", reason || ""))));
  }
}

// ---- connecting an encoder

class Setup {
  constructor() {
    this.root = byId("setup");
    this.fields = this.root.querySelector(".fields");
    this.said = "";
    this.wasLive = null;
  }

  update(status) {
    const isLive = status.streams.some((stream) => stream.state !== "idle");
    if (this.wasLive !== isLive) this.turn(isLive, status);
    const servers = status.servers.map((server) => withHost(server, status.certificates));
    const keys = status.streams.map((stream) => [stream.name, stream.key]);
    const said = JSON.stringify([servers, keys]);
    if (said === this.said) return;
    this.said = said;
    const fields = servers.map((server) => field("Server", server.url, server.url, server.note));
    if (!servers.length) fields.push(field("Server", "no listener is on: nobody can publish (see --rtmp and --rtmps)", null, ""));
    for (const [name, key] of keys) {
      const title = keys.length === 1 ? "Stream Key" : `Stream Key of ${name}`;
      if (key) fields.push(field(title, key.text, key.file, "", "Copy its path"));
    }
    this.fields.replaceChildren(...fields);
    show(this.root, true);
  }

  // Before the first publish it is the first thing to be read; later it is there for those who look for it.
  turn(isLive, status) {
    const isFirst = this.wasLive === null;
    const isNew = !isLive && status.streams.every((stream) => Object.keys(stream.transports).length === 0);
    this.wasLive = isLive;
    if (this.root.contains(document.activeElement)) return;
    if (isFirst || isLive) this.root.open = isNew;
    const streams = byId("streams");
    if (isNew) streams.before(this.root);
    else streams.after(this.root);
  }
}

// `HOST` is a name that the browser knows: for rtmp the one by which it came here, for rtmps the certificate's.
function withHost(server, certificates) {
  if (!server.includes("HOST")) return { url: server, note: "" };
  if (!server.startsWith("rtmps:")) {
    const here = location.hostname;
    const note = ["localhost", "127.0.0.1", "[::1]"].includes(here) ? "from another machine: this machine's name or address" : "";
    return { url: server.replace("HOST", here), note };
  }
  const name = certificates.flatMap((certificate) => certificate.names).find((name) => !name.includes("*"));
  return name ? { url: server.replace("HOST", name), note: "encrypted" } : { url: server, note: "encrypted; HOST is the name in your certificate" };
}

function field(title, text, toCopy, note, verb = "Copy") {
  const value = make("dd", "", make("code", "", text));
  if (toCopy) value.append(copyButton(verb, `${verb}: ${title}, ${toCopy}`, toCopy));
  if (note) value.append(make("span", "note", note));
  return make("div", "", make("dt", "", title), value);
}

function copyButton(verb, label, text) {
  const button = make("button", "", verb);
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", async () => {
    const isCopied = await copy(text);
    write(button, isCopied ? "Copied" : "Select it and press Ctrl+C");
    announce(isCopied ? "copied" : "it could not be copied");
    setTimeout(() => write(button, verb), 2000);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP from another machine, and in some docks, only the old way is open.
    const area = make("textarea", "unseen");
    area.value = text;
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    if (before) before.focus();
    return isCopied;
  }
}

// ---- the whole, in a sentence

const onOnes = ({ destinations }) => destinations.filter(({ state }) => state !== "off");

function summary(streams) {
  const on = streams.flatMap(onOnes);
  const tones = on.map(({ state }) => (STATES[state] || ["warn"])[0]);
  const worst = tones.reduce((worst, tone) => (SEVERITY.indexOf(tone) > SEVERITY.indexOf(worst) ? tone : worst), "off");
  const of = (wanted) => streams.filter(({ state }) => state === wanted);
  const [live, held] = [of("live"), of("held")];
  if (held.length && !live.length) return { tone: worst === "bad" ? "bad" : "warn", text: "the encoder is gone" };
  if (live.length) {
    const inShow = [...live, ...held].flatMap(onOnes);
    const delivering = inShow.filter(({ state }) => state === "delivering").length;
    const text = inShow.length ? `${count(delivering)} of ${count(inShow.length)} delivering` : "live, but no destination is on";
    return { tone: worst === "off" ? "warn" : worst, text: held.length ? `${text}, an encoder is gone` : text };
  }
  const cannot = on.filter(({ state }) => state === "wrong" || state === "parked").length;
  if (cannot) return { tone: "bad", text: `${count(cannot)} of ${count(on.length)} cannot start` };
  return { tone: "off", text: on.length ? `ready: ${many(on.length, "destination", "destinations")}` : "no destination is on" };
}

const MARKS = { ok: "", off: "", warn: "⚠ ", bad: "✖ " };

class Head {
  constructor() {
    this.root = byId("summary");
    this.icon = new Icon(this.root.querySelector(".icon"));
    this.text = this.root.querySelector(".text");
  }

  update({ tone, text }) {
    setTone(this.root, tone);
    this.icon.update(tone);
    write(this.text, sentence(text));
    this.name(tone, text);
  }

  // The tab says it too, in words, with a mark and with a colour.
  name(tone, text) {
    const title = `${MARKS[tone]}${text} – forkcast`;
    if (document.title === title) return;
    document.title = title;
    const colour = { ok: "#2ea36a", warn: "#d99a1c", bad: "#d6453d", off: "#7b8591" }[tone];
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="${colour}" d="${(SHAPES[tone] || SHAPES.ok)[0]}"/></svg>`;
    byId("icon").href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  }
}

function announce(text) {
  write(byId("announcer"), text);
}

// ---- the page

class Page {
  constructor() {
    this.head = new Head();
    this.setup = new Setup();
    this.streams = new Map();
    this.states = null;
    this.uptime = 0;
    this.heard = null;
    this.version = null;
  }

  // What cannot be shown must not leave an old picture standing as if it were true.
  take(status) {
    try {
      this.update(status);
    } catch (error) {
      console.error(error);
      this.lose("its answer is not understood, load this page again");
    }
  }

  update(status) {
    // Another version may have another page.
    if (this.version && this.version !== status.version) location.reload();
    this.version = status.version;
    // Another process counts anew.
    if (status.uptime_seconds < this.uptime) this.forget();
    const now = status.uptime_seconds;
    this.uptime = now;
    this.heard = new Date();
    show(byId("lost"), false);
    document.body.classList.remove("lost");

    this.head.update(summary(status.streams));
    this.setup.update(status);
    show(byId("first-step"), Boolean(status.first_step));
    const step = status.first_step || "";
    write(byId("first-step").querySelector("p"), sentence(step));
    this.list(status.streams, now);
    this.warn(status.certificates);
    write(byId("version"), `forkcast ${status.version}, running for ${duration(now)} ·`);
    this.tell(status.streams);
  }

  forget() {
    this.streams.clear();
    byId("streams").replaceChildren();
  }

  list(streams, now) {
    for (const stream of streams) {
      let view = this.streams.get(stream.name);
      if (!view) {
        view = new StreamView(stream.name);
        this.streams.set(stream.name, view);
        byId("streams").append(view.root);
      }
      view.update(stream, now, streams.length === 1);
    }
  }

  warn(certificates) {
    const soon = certificates.filter(({ days_left: days }) => days !== null && days <= CERTIFICATE_DAYS);
    const lines = soon.map(({ file, names, until, days_left: days }) => {
      const when = days < 0 ? `has run out on ${until}` : `runs out in ${many(days, "day", "days")}, on ${until}`;
      return [days < 0 ? "bad" : "warn", `certificate ${file} (${names.join(", ")}) ${when}: renew it`];
    });
    show(byId("certificates"), lines.length > 0);
    const said = JSON.stringify(lines);
    if (this.said === said) return;
    this.said = said;
    byId("certificates").replaceChildren(...lines.map(([tone, text]) => {
      const line = make("li", "notice", text);
      setTone(line, tone);
      return line;
    }));
  }

  // Spoken is what has changed, not what ticks.
  tell(streams) {
    const states = new Map();
    for (const { name: stream, destinations } of streams) {
      for (const { name, state } of destinations) states.set(`${stream} ${name}`, [name, state]);
    }
    const before = this.states;
    this.states = states;
    if (!before) return;
    const changed = [...states].filter(([id, [, state]]) => before.has(id) && before.get(id)[1] !== state);
    if (changed.length > 3) announce(`${changed.length} destinations changed`);
    else if (changed.length) announce(changed.map(([, [name, state]]) => `${name}: ${(STATES[state] || ["", state])[1]}`).join(". "));
  }

  lose(why) {
    const lost = byId("lost");
    const since = this.heard ? ` What is shown is of ${this.heard.toLocaleTimeString()}.` : "";
    write(lost, `No connection to forkcast: ${why}. Is it running? This page tries again every second.${since}`);
    show(lost, true);
    document.body.classList.add("lost");
    this.head.update({ tone: "bad", text: "no connection" });
  }
}

// The status, or a text that says why there is none.
async function ask() {
  try {
    const answer = await fetch("api/status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    return answer.ok ? await answer.json() : `it answers with HTTP ${answer.status}`;
  } catch (error) {
    return error.name === "TimeoutError" ? "it does not answer in time" : "nobody answers";
  }
}

async function run() {
  const page = new Page();
  for (;;) {
    const begun = performance.now();
    const status = await ask();
    if (typeof status === "string") page.lose(status);
    else page.take(status);
    const rest = EVERY - (performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, Math.max(rest, 0)));
  }
}

run();
