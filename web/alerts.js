// Alerts in words, loaded when a list of them is opened: a plain sentence for each, and since when.

import { clock, say } from "./words.js";

let known;

/** "PVS_a018_MciStringB" without a sentence of its own becomes "PVS: Mci String B". */
const readable = (name) =>
  name.replace(/^([A-Z]+\d*)_[afw]\d+_/, "$1: ").replaceAll("_", " ").replace(/([a-z\d])([A-Z])/g, "$1 $2");

/** An item of a list for each alert. */
export async function sentences(alerts) {
  const { lang } = document.documentElement;
  if (alerts.length) known ??= await (await fetch("alerts.json")).json();
  return alerts.map(({ name, level, since }) => {
    const row = document.createElement("li");
    const title = Object.assign(document.createElement("strong"), { textContent: (known[lang] ?? known.en)[name] ?? readable(name) });
    const more = Object.assign(document.createElement("small"), { textContent: say("since", name, clock(1000 * since)) });
    row.className = level;
    row.append(title, more);
    return row;
  });
}

/** Fill the opened list of the power-flow page. */
export async function fill(box, snapshot) {
  if (!box.open) return;
  if (!known) document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: "alerts.css" }));
  box.lastElementChild.replaceChildren(...(await sentences(snapshot?.alert_list ?? [])));
}
