// Charts of the past as SVG. Numbers come from /history.json; what is missing there stays empty here.

import { plain } from "./wording.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 60, right: 44, top: 10, bottom: 24 };
const NARROW = 480; // pixels
const LETTER = 7; // pixels, at most
const MISSING = 2.5; // steps without a row that make a gap

/** Make an element; names with a colon or of SVG get their namespace by `make.svg`. */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function draw(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** How much larger than usual letters are: pages for a wall have larger ones. */
export const zoom = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

/** The next round number that a scale may end with. */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * ten).find((end) => end >= value * 0.999);
}

/** Split rows where more than `MISSING` steps have none: pairs of the first index and the one after the last. */
export function pieces(at, step) {
  const found = [];
  let start = 0;
  for (let i = 1; i <= at.length; i += 1) {
    if (i === at.length || at[i] - at[i - 1] > MISSING * step) {
      found.push([start, i]);
      start = i;
    }
  }
  return at.length ? found : [];
}

/** The times between `from` and `to` of which there are no rows. */
export function gaps(at, step, from, to) {
  const edges = [from, ...pieces(at, step).flatMap(([first, after]) => [at[first], at[after - 1] + step]), to];
  const found = [];
  for (let i = 0; i < edges.length; i += 2) if (edges[i + 1] - edges[i] > MISSING * step) found.push([edges[i], edges[i + 1]]);
  return found;
}

/**
 * Draw a chart into `host`.
 *
 * `from`, `to` (s); `at` begins of the rows, `step` their length (bars: the begin of the next row counts).
 * `above`, `below`: layers that are stacked from zero, `{ name, values }`; `lines`: `{ name, values, right }`, on a
 * scale of their own in percent if `right`. `ticks`: `[time, text]`. `gaps`, `bands`: spans of time. `now`: a time.
 * `unit` is that of the left scale, `describe(index)` says a row in words.
 */
export function chart(host, { bars, from, to, at, step, above = [], below = [], lines = [], ticks = [], gaps: empty = [], bands = [], now, unit = "", scale = 1, describe, label }) {
  const factor = zoom();
  const width = Math.max(host.clientWidth, 240);
  const height = factor * Number(host.dataset.height ?? 260);
  const hasRight = lines.some((line) => line.right);
  const ends = at.map((time, i) => (bars ? (at[i + 1] && at[i + 1] - time <= step * 1.2 ? at[i + 1] : Math.min(time + step, to)) : time + step));
  const sums = (layers) => at.map((_, i) => layers.reduce((sum, layer) => sum + (layer.values[i] ?? 0), 0));
  const left = lines.filter((line) => !line.right).flatMap((line) => line.values.filter((value) => value != null));
  const top = ceiling(Math.max(...sums(above), ...left, 0));
  const bottom = below.length ? ceiling(Math.max(...sums(below), 0)) : 0;
  const floor = left.length && !above.length ? Math.min(0, ...left) : -bottom;
  const scales = [top, 0, ...(floor < 0 ? [floor] : [])].map((value) => {
    const size = Math.abs(value) / scale;
    return [value, `${plain(size, size < 10 && value ? 1 : 0)}${value === top ? `\u00a0${unit}` : ""}`];
  });
  const letters = Math.max(...scales.map(([, text]) => text.length));
  const margin = {
    left: factor * Math.max(host.clientWidth < factor * NARROW ? 48 : MARGIN.left, letters * LETTER + 6),
    right: factor * (hasRight ? MARGIN.right : 12), top: factor * MARGIN.top, bottom: factor * MARGIN.bottom,
  };
  const x = (time) => margin.left + ((time - from) / (to - from)) * (width - margin.left - margin.right);
  const y = (value) => margin.top + ((top - value) / (top - floor)) * (height - margin.top - margin.bottom);
  const percent = (value) => margin.top + (1 - value / 100) * (height - margin.top - margin.bottom);

  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label, tabindex: 0, class: "chart" });
  const hatch = draw("pattern", { id: `hatch-${host.id}`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, draw("path", { d: "M0 0V6", class: "hatch" }));
  svg.append(draw("defs", {}, hatch));
  const rect = (kind, [begin, end], fill) => draw("rect", { class: kind, x: x(begin), y: margin.top, width: Math.max(x(end) - x(begin), 1), height: height - margin.top - margin.bottom, ...fill });
  for (const span of bands) svg.append(rect("band", span, {}));
  for (const span of empty) svg.append(rect("gap", span, { fill: `url(#hatch-${host.id})` }));
  const hasLeft = above.length + below.length + left.length > 0;
  for (const [value, text] of scales) {
    svg.append(draw("path", { class: value ? "grid-line" : "axis", d: `M${margin.left} ${y(value)}H${width - margin.right}` }));
    if (hasLeft) svg.append(draw("text", { class: "scale", x: margin.left - 6, y: y(value) + 4 * factor, "text-anchor": "end" }, text));
  }
  if (hasRight) for (const value of [0, 50, 100]) svg.append(draw("text", { class: "scale", x: width - margin.right + 6, y: percent(value) + 4 * factor }, `${value} %`));
  let taken = -Infinity;
  for (const [time, text] of ticks) {
    const half = (factor * text.length * LETTER) / 2;
    if (!text || x(time) - half < taken) continue; // there is no room for it
    taken = x(time) + half;
    svg.append(draw("text", { class: "scale tick", x: x(time), y: height - 6, "text-anchor": "middle" }, text));
  }

  const stack = (layers, sign) => {
    const base = at.map(() => 0);
    for (const layer of layers) {
      const next = base.map((value, i) => value + (layer.values[i] ?? 0));
      const shape = bars ? columns(at, ends, base, next) : pieces(at, step).map((piece) => area(piece, at, ends, base, next)).join("");
      svg.append(draw("path", { class: `layer ${layer.name}`, d: shape }));
      next.forEach((value, i) => { base[i] = value; });
    }
    function columns(begins, closes, low, high) {
      return begins.map((begin, i) => {
        const [first, last] = [x(begin) + (x(closes[i]) - x(begin)) * 0.12, x(closes[i]) - (x(closes[i]) - x(begin)) * 0.12];
        return high[i] > low[i] ? `M${first} ${y(sign * low[i])}V${y(sign * high[i])}H${last}V${y(sign * low[i])}Z` : "";
      }).join("");
    }
    function area([first, after], begins, closes, low, high) {
      const points = [];
      for (let i = first; i < after; i += 1) points.push([x((begins[i] + closes[i]) / 2), y(sign * high[i]), y(sign * low[i])]);
      points[0][0] = x(begins[first]);
      points.at(-1)[0] = x(closes[after - 1]);
      if (points.length === 1) points.unshift([x(begins[first]), points[0][1], points[0][2]]);
      return `M${points.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L")}L${points.reverse().map(([px, , py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L")}Z`;
    }
  };
  stack(above, 1);
  stack(below, -1);
  for (const line of lines) {
    const to_y = line.right ? percent : y;
    let path = "";
    for (const [first, after] of pieces(at, step)) {
      let isOpen = false;
      for (let i = first; i < after; i += 1) {
        if (line.values[i] == null) continue; // read less often than the rest: the line goes on to the next value
        path += `${isOpen ? "L" : "M"}${x((at[i] + ends[i]) / 2).toFixed(1)} ${to_y(line.values[i]).toFixed(1)}`;
        isOpen = true;
      }
    }
    svg.append(draw("path", { class: `line ${line.name}`, d: path }));
  }
  if (now > from && now < to) svg.append(draw("path", { class: "now", d: `M${x(now)} ${margin.top}V${height - margin.bottom}` }));
  crosshair(host, svg, { at, ends, x, from, to, width, margin, height, describe });
  host.querySelector("svg")?.remove();
  host.prepend(svg);
}

/** A line at the row under the pointer, or that the arrow keys have chosen, and its values below the chart. */
function crosshair(host, svg, { at, ends, x, from, to, width, margin, height, describe }) {
  if (!describe || !at.length) return;
  const line = draw("path", { class: "cross", d: "" });
  svg.append(line);
  let reading = host.querySelector(".reading");
  if (!reading) host.append((reading = make("p", { class: "reading", role: "status" }, "\u00a0")));
  let chosen = at.length - 1;
  const show = (index) => {
    chosen = Math.max(0, Math.min(at.length - 1, index));
    const middle = x((at[chosen] + ends[chosen]) / 2);
    line.setAttribute("d", `M${middle} ${margin.top}V${height - margin.bottom}`);
    reading.textContent = describe(chosen);
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const time = from + ((((event.clientX - box.left) / box.width) * width - margin.left) / (width - margin.left - margin.right)) * (to - from);
    let index = at.findIndex((_, i) => ends[i] > time);
    if (index < 0) index = at.length - 1;
    show(index);
  });
  svg.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12, Home: -at.length, End: at.length }[event.key];
    if (!move || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    show(chosen + move);
  });
  svg.addEventListener("focus", () => show(chosen));
}

/** A table of the same numbers. */
export function table(heads, rows) {
  const cells = (name, texts) => texts.map((text, i) => make(i || name === "th" ? name : "th", { scope: name === "th" ? "col" : i ? null : "row" }, text));
  return make("table", {}, make("thead", {}, make("tr", {}, ...cells("th", heads))), make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells("td", row)))));
}

/** What stands for which colour, in words; before a line a piece of it, which is dashed as the line is. */
export const legend = (entries) => make("p", { class: "legend" }, ...entries.map(([name, text, isLine]) => make("span", { class: isLine ? `${name} piece` : name }, ...(isLine ? [sample(name)] : []), text)));

const sample = (name) => draw("svg", { viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": true }, draw("path", { class: `line ${name}`, d: "M0 5H26" }));
