// The power-flow page: receives snapshots, judges how old they are, draws and says them.

import { $, badge, charge, drawn, label, note, place, power, present, table, text } from "./drawing.js";
import { flows } from "./flows.js";
import { NODES } from "./layout.js";
import { follow } from "./live.js";
import { duration, inside, meter, percent, say } from "./words.js";

const root = document.documentElement;
const options = root.dataset; // what the server read from the address and PW_STYLE
const reduced = matchMedia("(prefers-reduced-motion: reduce)");
if (window === top) options.alone = "";
const meters = Object.fromEntries([...NODES, "edge"].map((name) => [name, meter(options.units)]));
const watts = (name, value) => meters[name](value).join("\u00a0");
const GRACE = 10; // seconds without data before the page reports a lost contact
const NAP = 5; // seconds that the clocks come apart when a laptop sleeps
const UNUSUAL = ["outage", "off_grid", "transition"];

let snapshot = null; // the latest one that has readings
let measuredAt = 0; // when they were measured, and when the link had this state: seconds of the page's clock
let link = null;
let linkAt = 0;
let isUp = null; // whether the server answers
let differing = 0; // snapshots in a row whose meters disagree
let condition; // the last one that was announced

const now = () => performance.now() / 1000;
const age = () => now() - measuredAt;
const isIsland = () => snapshot?.grid === "outage" || snapshot?.grid === "off_grid";

// ---- how things are --------------------------------------------------------------------------------

function freshness() {
  if (!snapshot) return "starting";
  const limit = 3 * Math.max(5, snapshot.ttl ?? 5);
  if (snapshot.state === "expired" || age() > 4 * limit) return "expired";
  return age() > limit ? "stale" : "fresh";
}

/** The most urgent trouble and its sentence; ["", ""] if all is well. */
function trouble(state) {
  const isLate = now() > GRACE;
  if (isUp === false || (isLate && isUp === null && !snapshot)) return ["server", say("server")];
  if (state === "fresh") return ["", ""];
  if (link?.state === "open" && link.retry_in !== null) {
    return ["cooldown", say("cooldown", duration(Math.max(1, link.retry_in - now() + linkAt)))];
  }
  const old = snapshot ? say("old", duration(age())) : "";
  if (state === "stale") return [state, old];
  if (state === "starting" && !isLate) return [state, say(state)];
  return ["gateway", [say("gateway"), old].filter(Boolean).join(" · ")];
}

/** Write the note, announce what changed, and stop all motion unless the readings are fresh. */
function judge() {
  const state = freshness();
  const [reason, sentence] = trouble(state);
  const grid = snapshot?.grid ?? "unknown";
  const isUnusual = UNUSUAL.includes(grid);
  const parts = [sentence, isUnusual ? say(grid) : ""];
  if (isIsland() && snapshot.energy > 0 && snapshot.battery > 50) {
    parts.push(say("left", duration((3600 * snapshot.energy) / snapshot.battery)));
  }
  const name = snapshot?.name ?? "";
  note(parts.filter(Boolean).join(" · ") || (name.length > 48 ? `${name.slice(0, 47)}…` : name));

  Object.assign(options, { state: reason === "server" ? "lost" : state, grid });
  options.still = options.motion === "off" || reduced.matches || document.hidden || options.state !== "fresh";
  const current = `${reason === "starting" ? "" : reason} ${isUnusual ? grid : ""}`; // a start is no news, nor is its end
  if (condition !== undefined && condition !== current) {
    text($("news"), sentence || (isUnusual ? say(grid) : say("restored")));
  }
  condition = current;
}

// ---- drawing ---------------------------------------------------------------------------------------

function draw() {
  const flow = snapshot && flows(snapshot);
  if (snapshot?.edges) flow.edges = snapshot.edges; // several gateways, already added up
  const has = snapshot?.has ?? { solar: true, battery: true };
  const cars = snapshot?.ev ?? [];
  place({
    solar: has.solar, grid: true, home: true, battery: has.battery && options.style !== "solar",
    generator: snapshot?.generator > 50, vehicle: cars.length > 0,
  });
  judge();
  power(flow?.edges ?? {}, options.still === "false");

  const readings = flow ?? snapshot ?? {};
  const values = {};
  const show = (name, value, reading) => {
    const unknown = snapshot ? "–" : "…";
    values[name] = value == null ? unknown : (flow?.derived === reading ? "≈" : "") + watts(name, value);
    label(name, values[name]);
  };
  show("solar", readings.solar, "solar");
  show("grid", isIsland() ? 0 : readings.site, "site");
  show("home", readings.load, "load");
  show("battery", readings.battery, "battery");
  show("generator", snapshot?.generator);
  show("vehicle", cars.reduce((sum, each) => sum + each, 0));

  const battery = store();
  charge(battery.levels, battery.reserve, battery.charge === null ? "" : percent(battery.charge));
  text($("packs"), battery.units.map((unit) => `${unit.name} ${percent(unit.level)}`).join("\n")); // shown under the pointer
  badge("services", snapshot?.grid_services);
  badge("alerts", snapshot?.alerts, String(snapshot?.alerts));
  if (!snapshot) return;
  describe(flow, values, battery);
  table(rows(values, battery));
  if (!performance.getEntriesByName("first-flow").length) performance.mark("first-flow");
}

/** Charge, reserve and the levels of the units, in percent of the chosen scale. */
function store() {
  const isRaw = options.soc === "raw";
  const fromRaw = (raw) => (isRaw ? raw : Math.max(0, Math.min(100, (raw - 5) / 0.95)));
  const total = (isRaw ? snapshot?.soc : snapshot?.soc_app) ?? null;
  const reserve = snapshot?.reserve_app ?? null;
  const units = (snapshot?.units ?? []).map((unit) => ({ ...unit, level: fromRaw(unit.soc) }));
  return {
    charge: total,
    reserve: isRaw && reserve !== null ? reserve * 0.95 + 5 : reserve,
    units,
    levels: units.length > 1 ? units.map((unit) => unit.level) : total === null ? [] : [total],
  };
}

/** Say the picture in sentences, and in its title if the meters contradict each other. */
function describe(flow, values, battery) {
  const apart = flow ? Math.abs(flow.in - flow.out) : 0;
  differing = flow && apart > Math.max(100, flow.in / 10, flow.out / 10) ? differing + 1 : 0;
  const gap = flow?.unserved > 50 ? flow.unserved : differing > 2 ? apart : 0;
  text($("title"), say("flow") + (gap ? ` – ${say("differ", watts("edge", gap))}` : ""));

  const on = drawn();
  const sentences = present().map((node) => {
    const parts = on
      .filter(([, from]) => from === node)
      .sort(([one], [other]) => flow.edges[other] - flow.edges[one])
      .map(([edge, , to]) => `${watts("edge", flow.edges[edge])} ${say("to", inside(to))}`);
    return `${say(node)} ${values[node]}${parts.length ? ": " : ""}${parts.join(", ")}.`;
  });
  if (battery.charge !== null) {
    const way = on.some(([, , to]) => to === "battery") ? "charging" : on.some(([, from]) => from === "battery") ? "discharging" : "";
    sentences.push(`${say("charge")} ${percent(battery.charge)}${way && `, ${say(way)}`}.`);
  }
  text($("desc"), sentences.join(" "));
}

function rows(values, battery) {
  const { mode, alerts, grid_services: services, strings } = snapshot;
  const all = present().map((node) => [say(node), values[node]]);
  if (battery.charge !== null) all.push([say("charge"), percent(battery.charge)]);
  if (battery.reserve !== null) all.push([say("reserve"), percent(battery.reserve)]);
  if (mode) all.push([say("mode"), say(mode)]);
  if (services) all.push([say("services"), "✓"]);
  if (alerts) all.push([say("alerts"), String(alerts)]);
  if (!options.detail) return all;
  for (const node of present()) $(node).setAttribute("aria-label", `${say(node)} ${values[node]}`);
  for (const { name, level, power: value } of battery.units) {
    all.push([name, percent(level) + (value == null ? "" : `, ${watts("edge", value)}`)]);
  }
  for (const { name, power: value } of strings) all.push([`${say("string")} ${name}`, watts("edge", value)]);
  return all;
}

// ---- start -----------------------------------------------------------------------------------------

/** Take a snapshot that has been on its way for `waited` milliseconds. */
function receive(next, waited = 0) {
  link = next.link;
  linkAt = now() - waited / 1000;
  if (next.state === "none") {
    if (snapshot) snapshot.state = "expired";
  } else {
    snapshot = next;
    measuredAt = linkAt - next.age;
  }
  draw();
}

if (options.detail) {
  $("flow").setAttribute("role", "group");
  for (const name of NODES) for (const [key, value] of [["tabindex", 0], ["role", "img"]]) $(name).setAttribute(key, value);
}
const initial = JSON.parse($("snapshot").textContent);
if (initial) receive(initial);
else draw();
for (const [target, event] of [[reduced, "change"], [document, "visibilitychange"]]) target.addEventListener(event, draw);
new ResizeObserver(draw).observe($("flow"));
if (options.past && options.alone !== undefined) addEventListener("load", () => import("./today.js"));
const query = options.gateway ? `?gateway=${encodeURIComponent(options.gateway)}` : "";
const renew = follow(query, receive, (up) => {
  isUp = up;
  draw();
});
/** While a laptop sleeps the page's clock may stand still, and the stream dies unheard. The time of day goes on. */
const ahead = () => Date.now() / 1000 - now();
let gone = ahead();
setInterval(() => {
  const slept = ahead() - gone;
  gone += slept;
  if (slept > NAP) {
    measuredAt -= slept;
    linkAt -= slept;
    renew();
  }
  const before = options.still;
  judge();
  if (options.still !== before) draw();
}, 1000);
