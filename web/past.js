// What the pages about the past have in common: reading /history.json, and what its flows mean.

import { chart, gaps } from "./charts.js";
import { hours, kilowatts, share, word, writer } from "./wording.js";

const SERIES = ["s2h", "b2h", "g2h", "n2h", "s2b", "g2b", "s2g", "b2g"].map((edge) => `flow_${edge}`);
export const SOURCES = [["battery", "b2h"], ["grid", "g2h"], ["generator", "n2h"], ["solar", "s2h"]];
const TICK_H = 6;

/** Read /history.json; throws what the server says of a request that it refuses. */
export async function read(parameters) {
  const answer = await fetch(`history.json?${new URLSearchParams(parameters)}`);
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.detail ?? answer.status);
  return document;
}

/** Read the powers of a span as the chart of a day shows them. */
export const readPowers = (parameters) => read({ series: [...SERIES, "load_power", "charge", "reserve"].join(","), ...parameters });

const sum = (...values) => (values.every((value) => value == null) ? null : values.reduce((total, value) => total + (value ?? 0), 0));

/** Flows per row as layers: what the home used by source, and what was stored and sold. */
export function layers(flow, home, count) {
  const rows = (...edges) => Array.from({ length: count }, (_, i) => sum(...edges.map((edge) => flow(edge, i))));
  const above = SOURCES.map(([name, edge]) => ({ name, values: rows(edge) })).filter((layer) => layer.name !== "generator" || layer.values.some(Boolean));
  // Of a day that was imported, and of gateways behind one meter, it may be known what the home used, but not from where.
  const rest = Array.from({ length: count }, (_, i) => (above.every((layer) => layer.values[i] == null) ? home(i) : null));
  return {
    above, rest: { name: "other", values: rest },
    below: [{ name: "stored", values: rows("s2b", "g2b", "n2b") }, { name: "sold", values: rows("s2g", "b2g") }],
  };
}

/** What a chart of a day has a key for. */
export function keyed(past) {
  const isKnown = SERIES.some((name) => past.series[name].mean.some((value) => value != null));
  const names = isKnown || !past.at.length ? ["battery", "grid", "solar", "stored", "sold"] : ["other"];
  return [...names, "charge"].map((name) => [name, word(name)]);
}

/** Draw the chart of a day, or of some days. */
export function drawPowers(host, past) {
  const flow = (edge, i) => past.series[`flow_${edge}`]?.mean[i];
  const { above, rest, below } = layers(flow, (i) => past.series.load_power.mean[i], past.at.length);
  const clock = writer(past.zone, { hour: "2-digit", minute: "2-digit" });
  const charge = past.series.charge.mean;
  const end = Math.min(past.to, past.now);
  chart(host, {
    ...past, above: [...above, rest], below,
    lines: [{ name: "charge", values: charge, right: true }],
    ticks: hourTicks(past),
    gaps: gaps(past.at, past.step, Math.max(past.from, past.first ?? past.from), end),
    bands: past.outages.map((outage) => [Math.max(outage.start, past.from), Math.min(outage.end ?? past.now, past.to)]),
    unit: "kW", scale: 1000, label: word("power"),
    describe: (i) => {
      const parts = above.filter((layer) => layer.values[i] >= 50).map((layer) => `${word(layer.name)} ${kilowatts(layer.values[i])}`);
      const others = below.filter((layer) => layer.values[i] >= 50).map((layer) => `${word(layer.name)} ${kilowatts(layer.values[i])}`);
      const level = charge[i] == null ? [] : [`${word("charge")} ${share(charge[i])}`];
      const home = `${word("home")} ${kilowatts(past.series.load_power.mean[i])}${parts.length ? `: ${parts.join(", ")}` : ""}`;
      return [clock(past.at[i]), home, ...others, ...level].join(" · ");
    },
  });
}

/** Marks every six hours of the site's clock. */
export function hourTicks({ from, to, zone }) {
  const hour = hours(zone);
  const text = writer(zone, { hour: "2-digit", minute: "2-digit" });
  const found = [];
  for (let at = from; at < to; at += 3600) {
    if (hour(at) % TICK_H === 0 && hour(at) !== hour(at - 3600)) found.push([at, text(at)]);
  }
  return found;
}
