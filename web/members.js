// A site's lines of its members: what each of them reports now, read from the proxy's cache.

import { meter } from "./words.js";

const EVERY_MS = 5000;
const SHOWN = { solar: "solar", home: "load", grid: "site", battery: "battery" };

const { units } = document.documentElement.dataset;
const power = (watts) => (typeof watts === "number" ? meter(units)(watts).join("\u00a0") : "–");

async function update(line) {
  let state = null;
  try {
    const answer = await fetch(line.dataset.events);
    if (answer.ok) state = await answer.json();
  } catch { /* shown as away */ }
  const known = state !== null && (state.state === "fresh" || state.state === "stale");
  line.classList.toggle("away", !known);
  for (const cell of line.querySelectorAll("[data-value]"))
    cell.textContent = known ? power(state[SHOWN[cell.dataset.value]]) : "–";
}

function updateAll() {
  if (!document.hidden) document.querySelectorAll("#members tbody tr").forEach(update);
}

updateAll();
setInterval(updateAll, EVERY_MS);
document.addEventListener("visibilitychange", updateAll);
