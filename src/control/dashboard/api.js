// What is asked of forkcast.

import { askForToken, token } from "./token.js";

// Together with the second between two questions it is less than 3 s until the page says that nobody answers.
const PATIENCE = 1500;
// An order may write files, and a rehearsal connects to every server for ten seconds.
const ORDER_PATIENCE = 20_000;

// Something was not done: why, and what is wrong with which field of what was sent.
export class Refusal extends Error {
  constructor({ error, field = null, problems = [] }) {
    super(error);
    this.field = field;
    this.problems = problems;
  }
}

// Asks, with the token where there is one; where it is missing or wrong, the person is asked for it first.
export async function send(path, { method = "GET", body = null, patience = PATIENCE, signal = null } = {}) {
  for (;;) {
    const shown = token();
    const headers = new Headers();
    if (shown) headers.set("authorization", `Bearer ${shown}`);
    if (body) headers.set("content-type", "application/json");
    const answer = await fetch(path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      signal: signal || AbortSignal.timeout(patience),
    });
    if (answer.status !== 401) return answer;
    await askForToken(shown);
  }
}

export async function get(path) {
  const answer = await send(path);
  if (!answer.ok) throw new Refusal({ error: `it answers with HTTP ${answer.status}` });
  return answer.json();
}

// Has something done; where it was not, throws a Refusal that says why.
export async function order(method, path, body = null) {
  let answer;
  let said;
  try {
    answer = await send(path, { method, body, patience: ORDER_PATIENCE });
    said = await answer.json();
  } catch (error) {
    const why = error.name === "TimeoutError" ? "it does not answer in time" : "nobody answers";
    throw new Refusal({ error: `forkcast could not be asked: ${why}` });
  }
  if (!answer.ok) throw new Refusal(said);
  // What it has changed is to be seen at once.
  document.dispatchEvent(new Event("done"));
  return said;
}

export function path(stream, ...rest) {
  return ["api/streams", encodeURIComponent(stream), ...rest.map(encodeURIComponent)].join("/");
}
