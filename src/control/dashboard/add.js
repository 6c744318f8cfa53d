// A new destination: a platform, its key, done.

import { order, path } from "./api.js";
import { Dialog } from "./dialog.js";
import { make, show } from "./dom.js";
import { Field } from "./form.js";
import { platforms } from "./platforms.js";
import { Target } from "./target.js";

// The last choice: a server that no platform's row describes.
const OWN = { name: "", title: "A server of your own", needs_url: true, needs_key: false };

export async function askForDestination(stream) {
  const dialog = new Dialog("Add a destination", { verb: "Add it" });
  const notYet = make("option", "", "Choose one …");
  notYet.value = "none";
  const choice = new Field("Where to?", { options: [notYet] });
  dialog.addField("platform", choice);
  const target = new Target(dialog);
  const name = new Field("Name (optional)");
  dialog.addField("name", name);
  let all = [];
  const chosen = () => all.find((platform) => platform.name === choice.input.value);
  choice.input.addEventListener("change", () => fit(chosen()));

  function fit(platform) {
    for (const field of [target.url, target.key, name]) {
      show(field.root, Boolean(platform));
      field.accept();
      field.say("");
    }
    if (!platform) return;
    target.fit(platform, { hasUrl: platform.needs_url, isUrlRequired: true, isKeyRequired: platform.needs_key });
    target.key.relabel(platform.needs_key ? "Stream key" : "Stream key (if there is one)");
    const waiting = unfinished(stream, platform);
    show(name.root, !waiting);
    name.explain(`What it is called here. Without one: ${freeName(stream, platform)}`);
  }

  dialog.act = async () => {
    const platform = chosen();
    if (!platform) {
      choice.refuse("Choose where to send your stream.");
      return dialog.stay;
    }
    const fields = target.fields();
    if (!fields) return dialog.stay;
    // A file that waits for its key is filled in, not doubled.
    const waiting = unfinished(stream, platform);
    if (waiting) {
      return (await order("PATCH", path(stream.name, "destinations", waiting.name), { key: null, ...fields })).done;
    }
    if (platform !== OWN) fields.platform = platform.name;
    return (await order("POST", path(stream.name, "destinations"), { name: name.value() || freeName(stream, platform), ...fields })).done;
  };

  fit(null);
  dialog.open();
  try {
    all = [...(await platforms()).filter(({ name }) => name !== "custom"), OWN];
  } catch (error) {
    dialog.refuse(error);
    return;
  }
  for (const platform of all) {
    const option = make("option", "", platform.title);
    option.value = platform.name;
    choice.input.append(option);
  }
}

function unfinished(stream, platform) {
  return stream.destinations.find(({ name, lacks }) => name === platform.name && lacks.length > 0);
}

// The platform's own name, or with a number where that is taken.
function freeName(stream, platform) {
  const base = platform.name || "server";
  const isTaken = (name) => stream.destinations.some((destination) => destination.name === name);
  let name = base;
  for (let number = 2; isTaken(name); number += 1) name = `${base}-${number}`;
  return name;
}
