// The platforms that forkcast knows: asked for once.

import { get } from "./api.js";

let known = null;

export function platforms() {
  known ||= get("api/platforms").catch((error) => {
    known = null;
    throw error;
  });
  return known;
}

export async function platformNamed(name) {
  const all = await platforms().catch(() => []);
  return all.find((platform) => platform.name === name);
}
