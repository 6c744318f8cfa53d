// Text for the clipboard.

import { announce, button, make, write } from "./dom.js";

export function copyButton(verb, label, text) {
  const made = button(verb, "", async () => {
    const isCopied = await copy(text, made);
    write(made, isCopied ? "Copied" : "Select it and press Ctrl+C");
    announce(isCopied ? "copied" : "it could not be copied");
    setTimeout(() => write(made, verb), 2000);
  });
  made.setAttribute("aria-label", label);
  return made;
}

async function copy(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP from another machine, and in some docks, only the old way is open. A dialog lets nothing outside of it
    // be selected.
    const area = make("textarea", "unseen");
    area.value = text;
    beside.after(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    beside.focus();
    return isCopied;
  }
}
