// The status page's part for experts: links, sources, errors and counters, in the words of the log and of /metrics.

import { $, list, node, plain, seconds, table } from "./parts.js";

const watts = (value) => (value == null ? "–" : `${plain(value)}\u00a0W`);
const before = (ago) => (ago == null ? "–" : new Date(Date.now() - ago * 1000).toLocaleTimeString());
const without = (path, text) => text.replace(`${path}: `, "");

const STATES = { closed: ["connected", "good"], half_open: ["probing", "fair"], open: ["in cooldown", "bad"] };

const spent = ({ reads, commands, budget, list_price_usd: usd }) =>
  `${plain(reads + commands)}${budget ? ` of ${plain(budget)}` : ""}, ${usd.toFixed(2)} USD at Tesla's list price`;
const pace = (it) =>
  it.interval_s === null ? "when the month's requests permit it" : `every ${seconds(it.interval_s)}${it.is_stretched ? ", so that the month's requests last" : ""}`;

function link(gateway, it) {
  const [word, quality] = STATES[it.state] ?? [it.state, "unknown"];
  const logins = it.logins === undefined ? "" : `${it.logins_last_hour} in the last hour, ${it.logins} in all`;
  const entries = node("dl", "", { className: "pairs" });
  list(entries, [
    ["State", `${word}, for ${seconds(it.state_seconds)}`, quality],
    ["Next attempt in", it.retry_in_seconds === null ? "" : seconds(it.retry_in_seconds)],
    ["Reason", it.reason],
    ["Failures in a row", it.failures_in_row || ""],
    ["Address", it.address],
    ["Firmware", gateway.firmware ?? it.firmware],
    ["Identity", gateway.identity],
    ["Last reply", it.last_success_seconds === null ? "never" : `${seconds(it.last_success_seconds)} ago`],
    ["Session", it.session_age_seconds == null ? "" : `${seconds(it.session_age_seconds)} old`],
    ["Logins", logins],
    ["Logins refused", it.logins_refused || "", "bad"],
    ["Sign-in", it.sign_in, it.sign_in === "required" ? "bad" : ""],
    ["Requests this month", it.requests && spent(it.requests)],
    ["Powers are read", it.requests && pace(it), it.is_stretched ? "fair" : ""],
    ["Not offered", it.not_offered.join(", ")],
  ]);
  return node("article", [node("h4", `${gateway.id} · ${it.driver}`), entries]);
}

const cooldown = (it, path) => (it ? `${seconds(it.retry_in_seconds)}: ${without(path, it.reason)}` : "");

/** How old something is: to the middle while it is fresh, to the end while it may be served at all. */
function bar(age, ttl, usable) {
  const filled = document.createElement("i");
  const part = age === null ? 1 : age < ttl ? (0.5 * age) / ttl : 0.5 + (0.5 * (age - ttl)) / Math.max(usable - ttl, 1);
  filled.style.width = `${Math.min(100, 100 * part)}%`;
  return node("span", filled, { className: "bar", ariaHidden: "true" });
}

function source(it, cooldowns) {
  const [word, quality] = !it.servable ? ["expired", it.outcome === "ok" ? "unknown" : "bad"] : it.age_seconds < it.ttl_seconds ? ["fresh", "good"] : ["stale", "fair"];
  return [
    node("th", it.path, { scope: "row" }),
    node("td", [node("span", bar(it.age_seconds, it.ttl_seconds, it.usable_seconds), { className: quality }), seconds(it.age_seconds)]),
    node("td", word, { className: quality }),
    node("td", it.outcome ?? "–", { className: it.outcome === "ok" ? "" : "fair" }),
    node("td", seconds(it.exchange_seconds)),
    node("td", cooldown(cooldowns[it.path], it.path)),
  ];
}

const silent = (path, it) => [
  node("th", path, { scope: "row" }),
  node("td", "–"),
  node("td", "not available", { className: "unknown" }),
  node("td", ""),
  node("td", ""),
  node("td", cooldown(it, path)),
];

const error = (it) => [
  node("td", before(it.last_seconds)),
  node("td", before(it.first_seconds)),
  node("td", `${it.count} ×`),
  node("td", it.gateway),
  node("td", it.path),
  node("td", `${it.error}: ${without(it.path, it.message)}`),
];

export function drawExperts(health) {
  const links = health.gateways.flatMap((gateway) => gateway.links.map((each) => [gateway, each]));
  $("links").lastElementChild.replaceChildren(...links.map(([gateway, each]) => link(gateway, each)));
  const cooldowns = Object.assign({}, ...links.map(([, each]) => each.cooldowns));
  const known = health.sources.map((it) => it.path);
  const others = Object.entries(cooldowns).filter(([path]) => !known.includes(path));
  table($("sources"), [...health.sources.map((it) => source(it, cooldowns)), ...others.map((it) => silent(...it))], "No source has been requested yet.");
  table($("errors"), health.errors.map(error), "None.");
  readings(health.readings);
  commands(health);
  traffic(health.traffic);
  list($("process"), [
    ["Version", health.version],
    ["Uptime", seconds(health.uptime_seconds)],
    ["Memory", health.memory_bytes ? `${plain(health.memory_bytes / 1048576)}\u00a0MiB` : ""],
  ]);
}

function readings(it) {
  const skew = it.skew_seconds === null ? "–" : Math.abs(it.skew_seconds) < 10 ? "right" : `${seconds(Math.abs(it.skew_seconds))} off`;
  list($("readings"), [
    ["Sources and sinks differ by", watts(it.unbalanced_watts), it.is_unusual ? "fair" : ""],
    ["Outflow exceeds inflow by", watts(it.unserved_watts), it.unserved_watts > 50 ? "fair" : ""],
    ["Home consumption", it.load_watts < 0 ? `${watts(it.load_watts)}, below zero` : watts(it.load_watts), it.load_watts < 0 ? "fair" : ""],
    ["Clock of the gateway", skew, Math.abs(it.skew_seconds) < 10 ? "" : "fair"],
  ]);
}

function commands({ control, writes }) {
  const words = !control ? "Control is off: PW_CONTROL_SECRET is not set." : writes.length ? "Control is on." : "Control is on. No command since the start.";
  const rows = writes.map((it) => node("li", `${before(it.seconds)} ${it.settings.join(", ")}: ${it.outcome}`, { className: ["ok", "accepted"].includes(it.outcome) ? "" : "bad" }));
  $("commands").replaceChildren(node("p", words), ...(rows.length ? [node("ul", rows)] : []));
}

function traffic(it) {
  const { fresh = 0, revalidate = 0, stale = 0, miss = 0, error: failed = 0 } = it.results;
  const kinds = [
    ["Served fresh", fresh, "good"],
    ["Served stale", stale + revalidate, "fair"],
    ["Waited for the gateway", miss, "wait"],
    ["Failed", failed, "bad"],
  ];
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  const figures = [
    ["requests/s now", plain(it.requests_per_second)],
    ["in 5 minutes", plain(it.requests_per_second_5_minutes)],
    ["half within", seconds(it.p50_seconds)],
    ["95 % within", seconds(it.p95_seconds)],
  ];
  $("figures").replaceChildren(...figures.map(([name, value]) => node("div", [node("dt", name), node("dd", value)])));
  $("shares").replaceChildren(
    ...kinds.filter(([, count]) => count).map(([, count, quality]) => {
      const part = node("i", "", { className: quality });
      part.style.flexGrow = count;
      return part;
    }),
  );
  list($("traffic"), [
    ...kinds.map(([name, count, quality]) => [name, total ? `${plain((100 * count) / total)}\u00a0%` : "–", count && quality !== "wait" ? quality : ""]),
    ["Requests", plain(it.requests)],
    ["In progress", it.in_flight],
    ["Waiting for the gateway", it.waiting],
    ["Coalesced", plain(it.coalesced)],
    ["Event streams", it.streams],
  ]);
}
