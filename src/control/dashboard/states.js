// What a state looks like, and what it is in words: of a destination, of a stream, of all together.

import { clock, count, countdown, duration, many } from "./words.js";

// From here on a silent encoder is worth a look.
const SILENCE_NOTED_MS = 2000;
const TONES = ["off", "ok", "warn", "bad"];

const STATES = {
  delivering: ["ok", "delivering"],
  connecting: ["warn", "connecting"],
  stalling: ["bad", "its server takes nothing"],
  held: ["warn", "held: waits for the encoder"],
  waiting: ["warn", "not connected"],
  parked: ["bad", "stopped trying: it needs you"],
  wrong: ["bad", "its file has a mistake"],
  unsuitable: ["bad", "it does not take this codec"],
  idle: ["off", "ready: starts with the encoder"],
  off: ["off", "off"],
};

// Gives each destination its `look`: a tone, a label that stays while it is the same, and words that may count.
export class Looks {
  constructor() {
    // When each was last seen to deliver.
    this.delivered = new Map();
  }

  give(streams, now) {
    for (const stream of streams) {
      for (const destination of stream.destinations) {
        const id = JSON.stringify([stream.name, destination.name]);
        if (destination.state === "delivering") this.delivered.set(id, now);
        destination.look = this.of(destination, stream, now - (this.delivered.get(id) ?? -Infinity));
      }
    }
  }

  of(destination, stream, sinceDelivered) {
    const { state, last_error: error, retry_in_ms: retry, live_seconds: live } = destination;
    const [tone, label] = STATES[state] || ["warn", state];
    if (state === "delivering" && live !== null) return { tone, label, words: `live for ${clock(live)}` };
    // Between two tries, and while it tries again, it fails: to whoever watches there it is gone.
    const hasFailed = error && stream.state === "live" && error.seconds_ago <= sinceDelivered;
    const since = stream.on_air_seconds ?? 0;
    if (state === "connecting" && hasFailed && error.seconds_ago <= since) {
      return { tone: "bad", label: "not connected", words: "not connected: trying again now" };
    }
    if (state === "waiting") {
      const next = retry === null ? "when the encoder is back" : `in ${countdown(retry)}`;
      return { tone: hasFailed ? "bad" : tone, label, words: `${label}: next try ${next}` };
    }
    if (state === "idle" && stream.state === "live") {
      const words = destination.sessions ? "over for this broadcast: starts with the next one" : "ready: starts with the first picture";
      return { tone, label: words, words };
    }
    return { tone, label, words: label };
  }
}

export function streamLook(stream) {
  const { state, publisher, hold_left_ms: left, shut_for_ms: shut, on_air_seconds: onAir } = stream;
  if (state === "held") {
    const rest = left === null ? "" : `: ends in ${countdown(left)} if it does not return`;
    return { tone: "warn", words: `the encoder is gone${rest}` };
  }
  if (!publisher) {
    if (shut !== null) return { tone: "warn", words: `you ended the broadcast: encoders are kept out for ${countdown(shut)}` };
    return { tone: "off", words: "waits for an encoder" };
  }
  const live = `live for ${clock(onAir === null ? publisher.seconds : onAir)}`;
  if (publisher.silent_ms <= SILENCE_NOTED_MS) return { tone: "ok", words: live };
  return { tone: "warn", words: `${live}, but nothing has come for ${duration(publisher.silent_ms / 1000)}` };
}

export const onOnes = ({ destinations }) => destinations.filter(({ state }) => state !== "off");

// All in a sentence.
export function summary(streams) {
  const on = streams.flatMap(onOnes);
  const tones = on.map(({ look }) => look.tone);
  const worst = tones.reduce((worst, tone) => (TONES.indexOf(tone) > TONES.indexOf(worst) ? tone : worst), "off");
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
