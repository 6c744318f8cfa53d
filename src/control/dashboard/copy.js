// Text for the clipboard.

import { announce, button, make, write } from "./dom.js";

const SHOWN_FOR = 2000;

// `shown` is where the text stands to be read, to be selected where it cannot be copied.
export function copyButton(verb, label, text, shown = null) {
  const made = button(verb, "", async () => {
    const isCopied = await copy(text, made);
    if (!isCopied && shown) select(shown);
    write(made, isCopied ? "Copied" : "Press Ctrl+C");
    announce(isCopied ? "copied" : "it could not be copied");
    setTimeout(() => write(made, verb), SHOWN_FOR);
  });
  made.setAttribute("aria-label", label);
  return made;
}

export function select(element) {
  getSelection().selectAllChildren(element);
}

// Says whether it could.
export async function copy(text, beside) {
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
