// The status page: /health every five seconds while it is visible, and /stats once, for the settings.

import { sentences } from "./alerts.js";
import {} from "./check.js";
import { drawExperts } from "./experts.js";
import { $, list, node, plain, seconds, table } from "./parts.js";
import { duration, knows, phrase, say, then } from "./words.js";

const EVERY = 5000;
const LASTING = 60000;
const QUALITIES = ["bad", "fair", "unknown", "idle", "good"]; // the worst first
// What an owner misses where a gateway does not offer a path.
const MISSED = {
  "/api/devices/vitals": "vitals",
  "/api/solar_powerwall": "strings",
  "/api/troubleshooting/problems": "problems",
  "/api/system_status": "packs",
  "/api/operation": "operation",
  "/api/system_status/grid_status": "grid",
  "/api/system_status/soe": "charge",
  "/api/site_info/site_name": "name",
  "/api/status": "firmware",
};
const LINKS = { closed: "good", half_open: "fair", open: "bad" };

// ---- how things are --------------------------------------------------------------------------------

const inSeconds = (age) => duration(Math.max(1, Math.round(age)));
const attention = ({ site }) => (site.alert_list ?? []).filter((alert) => alert.level === "attention").length;

function qualityOf(gateway, errors) {
  const { state } = gateway.site;
  if (["none", "expired"].includes(state)) {
    if (gateway.error || gateway.status !== "ok" || (state === "none" && errors.some((it) => it.gateway === gateway.id))) return "bad";
    return state === "none" ? "unknown" : "idle";
  }
  const { grid_state: grid, urgency } = gateway.site;
  return gateway.status !== "ok" || attention(gateway) || urgency || ["outage", "islanded"].includes(grid) ? "fair" : "good";
}

/** What keeps a gateway from being read, in the reader's words, and what to do; in those of the log where there are none. */
function trouble(gateway) {
  const { cause, links, message } = gateway;
  if (!cause) return gateway.status === "ok" ? [] : [node("span", message, { lang: "en" })];
  const failed = links.find((it) => it.reason);
  const wait = failed?.retry_in_seconds == null ? "" : ` (${say("retry", duration(Math.max(1, failed.retry_in_seconds)))})`;
  return [node("span", `${say(`cause_${cause}`)}. ${say(`do_${cause}`)}${wait}`), node("small", failed?.reason ?? "", { lang: "en" })];
}

/** What can be said of a gateway that is read. */
function reading(gateway) {
  const { phrases, state, age } = gateway.site;
  const words = state === "fresh" ? phrases.map(phrase) : then(phrases);
  if (attention(gateway)) words.push(say("attention", attention(gateway)));
  if (state !== "none") words.push(say("read", inSeconds(age)));
  return words.map((text) => `${text.replace(/[.]$/, "")}.`).join(" ");
}

/** Say how things are; aloud only when that is another thing than before, not when a reading is a second older. */
function headline(title, quality, ...content) {
  const line = $("headline");
  line.ariaLive = line.className === quality ? "off" : "polite";
  line.replaceChildren(node("strong", title), ...content);
  line.className = quality;
}

function summary(gateways, errors) {
  const [worst] = gateways.toSorted((one, other) => QUALITIES.indexOf(qualityOf(one, errors)) - QUALITIES.indexOf(qualityOf(other, errors)));
  const quality = qualityOf(worst, errors);
  const named = gateways.length > 1 && quality !== "good" ? `${worst.name}: ` : "";
  headline(named + say(quality), quality, ...trouble(worst), node("span", reading(worst)));
}

// ---- a gateway -------------------------------------------------------------------------------------

const month = ({ reads, commands, budget }) => plain(reads + commands) + (budget ? ` / ${plain(budget)}` : "");

/** How a link is: "paused" is what the gateway demands, and not one that it does not answer. */
const linkState = ({ state, reason }, cause) => say(state === "open" && reason && cause !== "rate limit" ? "not_connected" : state);

function connection(it, cause) {
  const facts = node("dl", "", { className: "facts" });
  list(facts, [
    [say("read_over"), knows(`over_${it.driver}`) ? say(`over_${it.driver}`) : it.driver],
    [say("address"), it.address],
    [say("connection"), `${linkState(it, cause)}${it.retry_in_seconds === null ? "" : `, ${say("retry", duration(Math.max(1, it.retry_in_seconds)))}`}`, LINKS[it.state]],
    [say("answers"), it.answer_seconds === null ? "" : seconds(it.answer_seconds)],
    [say("last_reply"), it.last_success_seconds === null ? say("never") : say("ago", inSeconds(it.last_success_seconds))],
    [say("month"), it.requests && month(it.requests)],
  ]);
  return facts;
}

/** What this gateway does not report: no fault, so it is folded. */
function silence(gateway) {
  const paths = gateway.links.map((it) => it.not_offered).reduce((all, those) => all.filter((path) => those.includes(path)));
  if (!paths.length) return [];
  const rows = paths.map((path) => node("li", [MISSED[path] ? `${say(`missed_${MISSED[path]}`)} ` : "", node("code", path)]));
  return [node("details", [node("summary", say("silent", paths.length)), node("ul", rows)])];
}

function card(gateway, quality, isOpen) {
  const id = `g-${gateway.id}`;
  const facts = node("dl", "", { className: "facts" });
  list(facts, [[say("model"), gateway.model], [say("firmware"), gateway.firmware ?? gateway.links.find((it) => it.firmware)?.firmware]]);
  const content = [
    node("h2", [gateway.href ? node("a", gateway.name, { href: `${gateway.href}status` }) : gateway.name, node("small", say(quality), { className: quality })], { id }),
    facts,
    ...gateway.links.map((it) => connection(it, gateway.cause)),
    ...(gateway.notice ? [node("p", say("basic_lan"))] : []),
    ...silence(gateway),
  ];
  const made = node("section", content);
  made.setAttribute("aria-labelledby", id);
  for (const each of made.querySelectorAll("details")) each.open = isOpen;
  return made;
}

function cards(gateways, errors) {
  const open = [...$("gateways").children].map((it) => it.querySelector("details")?.open);
  $("gateways").classList.toggle("wide", gateways.length > 1);
  $("gateways").replaceChildren(...gateways.map((it, i) => card(it, qualityOf(it, errors), open[i])));
}

// ---- alerts, clients, parts, settings --------------------------------------------------------------

let alertsAt = Date.now(); // when they were known

/** List the alerts. Where powers are read, these are read, too: the last list stays for a minute while they are unknown. */
async function alerts(gateways) {
  const unknown = gateways.filter(({ site }) => site.attention === null);
  const read = unknown.filter(({ site }) => ["fresh", "stale"].includes(site.state));
  // What it brings is shown with the next look; a body that is not read keeps its connection.
  for (const { href } of read) fetch(`${href ?? ""}flow.json`).then((answer) => answer.text()).catch(() => {});
  if (!unknown.length) alertsAt = Date.now();
  else if (read.length && Date.now() - alertsAt < LASTING) {
    if (!$("alerts").children.length) $("no-alerts").textContent ||= say("loading");
    return;
  }
  const rows = await Promise.all(gateways.map(({ site }) => sentences(site.alert_list ?? [])));
  if (gateways.length > 1) rows.forEach((found, i) => found.forEach((row) => row.lastElementChild.prepend(`${gateways[i].name} · `)));
  $("alerts").replaceChildren(...rows.flat());
  $("no-alerts").textContent = rows.flat().length ? "" : say(unknown.length ? "alerts_unknown" : "no_alerts");
}

/** One bar for every five seconds of the last five minutes. */
function bars(counts) {
  const most = Math.max(1, ...counts);
  return counts.map((count, i) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = (46 * count) / most;
    const width = 300 / counts.length;
    for (const [key, value] of Object.entries({ x: width * i, y: 48 - height, width: width - 1, height })) made.setAttribute(key, value);
    return made;
  });
}

function clients(it) {
  const half = it.p50_seconds === null ? "" : ` ${say("half", seconds(it.p50_seconds))}`;
  $("clients").textContent = say("rate", plain(it.requests_per_second_5_minutes), it.streams) + half;
  $("rate").replaceChildren($("rate").firstElementChild, ...bars(it.requests_by_slot));
}

function parts({ history, mqtt, control }) {
  const kept = history && (history.is_kept ? node("a", say("history_on"), { href: "history" }) : say("off_because", history.reason));
  const broker = mqtt && [say(mqtt.connected ? "closed" : "not_connected"), ...mqtt.problems].join(". ");
  list($("parts"), [
    [say("history"), kept, history?.is_kept || history?.reason.startsWith("PW_") ? "" : "fair"],
    ["MQTT", broker ?? say("off_until", "MQTT_HOST"), mqtt ? (mqtt.connected && !mqtt.problems.length ? "good" : "fair") : ""],
    [say("control"), control ? say("on") : say("off_until", "PW_CONTROL_SECRET")],
  ]);
}

async function settings({ origins, warnings }) {
  const answer = await fetch("stats");
  if (!answer.ok) return;
  const { config } = await answer.json();
  const origin = (name) => (origins[name] === "environment" ? say("environment") : origins[name]);
  const row = (from) => (name) => [node("th", name, { scope: "row" }), node("td", config[name]), node("td", from(name))];
  const changed = Object.keys(config).filter((name) => name in origins);
  table($("settings"), changed.map(row(origin)), "–");
  $("settings").hidden = !changed.length;
  table($("all"), Object.keys(config).map(row((name) => origins[name] ?? "default")), "");
  $("changed").textContent = say("changed", changed.length, Object.keys(config).length - changed.length);
  $("warnings").replaceChildren(...warnings.map((warning) => node("li", warning)));
}

// ---- reading ---------------------------------------------------------------------------------------

async function draw(health) {
  summary(health.gateways, health.errors);
  cards(health.gateways, health.errors);
  clients(health.traffic);
  parts(health);
  drawExperts(health);
  await alerts(health.gateways);
}

async function look() {
  clearTimeout(look.timer);
  if (document.hidden) return;
  try {
    const health = await (await fetch("health", { cache: "no-store" })).json();
    await draw(health);
    if (!$("all").tBodies[0].rows.length) await settings(health.settings);
  } catch {
    headline(say("bad"), "bad", node("span", say("gone")));
  }
  look.timer = setTimeout(look, EVERY);
}

document.addEventListener("visibilitychange", look);
look();
