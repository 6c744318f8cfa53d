// What a person may have done with a destination.

import { order, path } from "./api.js";
import { Dialog, confirm } from "./dialog.js";
import { make } from "./dom.js";
import { Field } from "./form.js";
import { platformNamed } from "./platforms.js";
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
    newKey: (platform, lacks = ["key"]) => askForKey(name, platform, lacks, isLive(), (fields) => order("PATCH", at(), fields)),
  };
}

async function askForKey(name, platformName, lacks, isLive, change) {
  const dialog = new Dialog(lacks.includes("url") ? `What ${name} lacks` : `A new key for ${name}`, { verb: "Save" });
  const url = new Field("Server URL", { isRequired: true });
  const key = new Field("Stream key", { type: "password", isRequired: true });
  if (lacks.includes("url")) dialog.addField("url", url);
  if (lacks.includes("key")) dialog.addField("key", key);
  if (isLive) dialog.add(make("p", "", "It connects anew with this key; the other destinations do not notice."));
  dialog.act = async () => {
    const values = [...dialog.fields].map(([name, field]) => [name, field.value()]);
    return (await change(Object.fromEntries(values))).done;
  };
  dialog.open();
  const platform = await platformNamed(platformName);
  if (!platform) return;
  if (platform.key_from) key.explain(`You find it at ${platform.key_from}.`);
  if (platform.url_from) url.explain(`You find it at ${platform.url_from}.`);
}
