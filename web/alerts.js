// The list of alerts, loaded when it is opened: a plain sentence for each, and since when.

import { clock, say } from "./words.js";

const language = document.documentElement.lang;
let known;

/** "PVS_a018_MciStringB" without a sentence of its own becomes "PVS: Mci String B". */
const readable = (name) =>
  name.replace(/^([A-Z]+\d*)_[afw]\d+_/, "$1: ").replaceAll("_", " ").replace(/([a-z\d])([A-Z])/g, "$1 $2");

export async function list(box, snapshot) {
  if (!box.open) return;
  if (!known) {
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: "alerts.css" }));
    known = await (await fetch("alerts.json")).json();
  }
  const rows = (snapshot?.alert_list ?? []).map(({ name, level, since }) => {
    const row = document.createElement("li");
    const title = Object.assign(document.createElement("strong"), { textContent: (known[language] ?? known.en)[name] ?? readable(name) });
    const more = Object.assign(document.createElement("small"), { textContent: say("since", name, clock(1000 * since)) });
    row.className = level;
    row.append(title, more);
    return row;
  });
  box.lastElementChild.replaceChildren(...rows);
}
