// What a person may have done with a destination.

import { order, path } from "./api.js";
import { Dialog, confirm } from "./dialog.js";
import { make } from "./dom.js";
import { platformNamed } from "./platforms.js";
import { Target } from "./target.js";
import { say } from "./toasts.js";

// Has something done at once, and says what came of it.
export async function perform(method, where) {
  try {
    say((await order(method, where)).done);
  } catch (refusal) {
    say(refusal.message, "bad");
  }
}

// `isLive` says whether something is sent there now.
export function orders(stream, name, isLive) {
  const at = (...rest) => path(stream, "destinations", name, ...rest);
  const have = (method, ...rest) => async () => (await order(method, at(...rest))).done;
  return {
    start: () => perform("POST", at("start")),
    restart: () => perform("POST", at("restart")),
    stop() {
      const text = `Its platform is told that the broadcast is over. “${name}” stays off until you start it again; its key is kept.`;
      if (isLive()) confirm(`Stop ${name}?`, text, "Stop it", have("POST", "stop"));
      else perform("POST", at("stop"));
    },
    end() {
      const text = "Its platform is told that this broadcast is over. The other destinations go on, and your next broadcast is sent there again.";
      confirm(`End the broadcast on ${name}?`, text, "End it there", have("POST", "end"));
    },
    remove() {
      const live = isLive() ? " What is sent there now ends." : "";
      confirm(`Remove ${name}?`, `Its file is deleted, with the key in it.${live}`, `Remove ${name}`, have("DELETE"));
    },
    newKey: (platform, lacks = []) => askForKey(name, platform, lacks, isLive(), (fields) => order("PATCH", at(), fields)),
  };
}

async function askForKey(name, platformName, lacks, isLive, change) {
  const platform = await platformNamed(platformName);
  const dialog = new Dialog(lacks.includes("url") ? `What ${name} lacks` : `A new key for ${name}`, { verb: "Save" });
  const target = new Target(dialog);
  const needs = { isUrlRequired: lacks.includes("url"), isKeyRequired: lacks.includes("key") };
  // Where the server is the same for everybody and always, there is nothing to be filled in.
  const hasUrl = needs.isUrlRequired || !platform || platform.needs_url;
  target.fit(platform, { hasUrl, ...needs });
  if (hasUrl && !lacks.length) {
    target.url.relabel("Server URL (leave it empty to keep it)");
    target.key.relabel("Stream key (leave it empty to keep it)");
  }
  if (isLive) dialog.add(make("p", "", "It connects anew; the other destinations do not notice."));
  dialog.act = async () => {
    const fields = target.fields();
    if (!fields) return dialog.stay;
    if (!Object.keys(fields).length) {
      target.key.refuse("Fill this in.");
      return dialog.stay;
    }
    return (await change(fields)).done;
  };
  dialog.open();
}
