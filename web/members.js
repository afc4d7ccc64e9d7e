// A site's lines of its members: what each of them reports now, read from the proxy's cache.

import { duration, meter, percent, say } from "./words.js";

const EVERY_MS = 5000;
const SHOWN = { solar: "solar", home: "load", grid: "site", battery: "battery", charge: "soc_app" };

// Words for a positive and for a negative power, in place of its sign.
const DIRECTIONS = { grid: ["buying", "selling"], battery: ["discharging", "charging"] };
const NOISE_W = 50;

const { units } = document.documentElement.dataset;

/** Write a value of a node, a power but for the charge; of grid and battery which way it flows. */
function written(node, value) {
  if (typeof value !== "number") return ["–"];
  if (node === "charge") return [percent(value)];
  const isSmall = Math.abs(value) < NOISE_W;
  const write = (watts) => meter(units)(watts).join("\u00a0");
  if (!(node in DIRECTIONS)) return [write(value)];
  if (isSmall) return [write(node === "grid" ? 0 : Math.abs(value))];
  const way = document.createElement("small");
  way.textContent = say(DIRECTIONS[node][value < 0 ? 1 : 0]);
  return [`${write(Math.abs(value))} `, way];
}

async function update(line) {
  let state = null;
  try {
    const answer = await fetch(line.dataset.events);
    if (answer.ok) state = await answer.json();
  } catch { /* shown as away */ }
  const known = state !== null && (state.state === "fresh" || state.state === "stale");
  line.classList.toggle("away", !known);
  const isOld = known && state.age > 3 * Math.max(5, state.ttl); // as on its own page
  line.querySelector("th small").textContent = isOld ? ` ${say("old", duration(state.age))}` : "";
  for (const cell of line.querySelectorAll("[data-value]"))
    cell.replaceChildren(...written(cell.dataset.value, known ? state[SHOWN[cell.dataset.value]] : null));
}

function updateAll() {
  if (!document.hidden) document.querySelectorAll("#members tbody tr").forEach(update);
}

updateAll();
setInterval(updateAll, EVERY_MS);
document.addEventListener("visibilitychange", updateAll);
