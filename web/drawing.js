// Draws a snapshot into the page's SVG, and touches nothing that did not change.

import { ENDS, NODES, layout } from "./layout.js";
import { Edge, element } from "./motion.js";

const CELLS = 12; // battery units that get a column of their own
const NOTE_WIDTH = 336;
const HEIGHT = 68; // of a full column
const NAMES = { solar: -55, grid: -55, home: -55, battery: 52, generator: 56, vehicle: 56 };

export const $ = (id) => document.getElementById(id);
export const text = (node, content) => {
  if (node.textContent !== content) node.textContent = content;
};
const put = (node, attributes) => {
  for (const key in attributes) node.setAttribute(key, attributes[key]);
};

const svg = $("flow");
const edges = Object.keys(layout(400, 320, {}).plan.paths).map((name) => new Edge(name, ENDS[name[0]], $("edges")));
const tracks = Object.fromEntries(NODES.map((name) => [name, element("path", { class: `track ${name}` }, $("tracks"))]));
const shares = edges
  .filter((edge) => edge.name.endsWith("h"))
  .map((edge) => [edge.name, element("circle", { class: `share ${edge.source}`, r: 28, pathLength: 100 }, $("shares"))]);

/** The edges that are drawn now, as [name, from, to]. */
export const drawn = () => edges.filter((edge) => edge.isOn).map(({ name }) => [name, ENDS[name[0]], ENDS[name[2]]]);
export const present = () => NODES.filter((name) => !$(name).hasAttribute("hidden"));

let placed;
export function place(isThere) {
  const { plan, size, box, isNamed } = layout(svg.clientWidth, svg.clientHeight, isThere);
  Object.assign(document.documentElement.dataset, { size, named: isNamed });
  const key = JSON.stringify([box, isThere, isNamed]);
  if (key === placed) return;
  placed = key;
  const [left, top, width, height] = box;
  put(svg, { viewBox: box.join(" ") });
  for (const name of NODES) {
    const node = $(name);
    node.toggleAttribute("hidden", !isThere[name]);
    put(node, { transform: `translate(${plan.nodes[name]})` });
    if (name in plan.labels) put(node.querySelector(".value"), { y: plan.labels[name] });
    put(node.querySelector(".name"), { y: NAMES[name] });
    put(tracks[name], { d: isThere[name] ? plan.tracks[name] : "" });
  }
  for (const edge of edges) {
    const isWhole = isThere[ENDS[edge.name[0]]] && isThere[ENDS[edge.name[2]]];
    edge.route(isWhole ? plan.paths[edge.name] : null);
  }
  put($("note"), { transform: `translate(${left + width / 2} ${top + height - 9})` });
  put($("alerts"), { transform: `translate(${left + width - 18} ${top + height - 15})` });
}

/** Write "3.4 kW" at a node; the unit in smaller letters. */
export function label(name, words) {
  const node = $(name).querySelector(".value");
  if (node.textContent === words) return;
  const [number, unit] = words.split("\u00a0");
  node.replaceChildren(number);
  if (unit) element("tspan", { class: "unit" }, node).textContent = `\u00a0${unit}`;
}

/** Write the name of a node, and which way its power flows. */
export const caption = (name, words) => text($(name).querySelector(".name"), words);

/** Draw powers by edge, and at the home where its power comes from. */
export function power(watts, isMoving) {
  for (const edge of edges) edge.show(watts[edge.name] ?? 0, isMoving);
  const ends = drawn().flatMap(([, from, to]) => [from, to]);
  for (const name of NODES) {
    $(name).classList.toggle("active", ends.includes(name));
    tracks[name].classList.toggle("busy", ends.includes(name));
  }
  const total = shares.reduce((sum, [name]) => sum + (watts[name] ?? 0), 0);
  let start = 0;
  for (const [name, circle] of shares) {
    const part = total >= 30 ? (100 * (watts[name] ?? 0)) / total : 0;
    const gap = part > 99 ? -1 : 2; // a whole ring overlaps itself, or a hairline would be seen
    circle.toggleAttribute("hidden", part <= gap);
    put(circle, { "stroke-dasharray": `${Math.max(0, part - gap)} 100`, "stroke-dashoffset": -start - gap / 2 });
    start += part;
  }
}

/** One column per battery unit, filled to its charge in percent, with ticks between them below the text, and one at the reserve. */
export function charge(levels, reserve, words) {
  const box = $("cells");
  const shown = levels.slice(0, CELLS);
  while (box.childElementCount > shown.length) box.lastChild.remove();
  while (box.childElementCount < shown.length) element("rect", {}, box);
  const width = 84 / shown.length;
  shown.forEach((level, i) => {
    const height = (HEIGHT * Math.max(0, Math.min(100, level))) / 100;
    put(box.children[i], { x: i * width - 42, y: 34 - height, width, height, "stroke-dasharray": `${width} 999` });
  });
  const y = 34 - (HEIGHT * reserve) / 100;
  const between = shown.map((_, i) => i && `M${i * width - 42} 26V34`).filter(Boolean).join("");
  put($("mark"), { d: between + (reserve > 0 && reserve < 100 ? `M-42 ${y}H-36M36 ${y}H42` : "") });
  const beyond = levels.length - CELLS;
  text($("charge"), words + (beyond > 0 ? ` +${beyond}` : ""));
}

export function badge(id, isShown, words = "") {
  $(id).toggleAttribute("hidden", !isShown);
  const node = $(id).querySelector("text");
  if (node) text(node, words);
}

/** The line at the bottom, squeezed if it would leave the drawing. */
export function note(words) {
  const node = $("note");
  if (node.textContent === words) return;
  node.textContent = words;
  node.removeAttribute("textLength");
  if (node.getComputedTextLength() > NOTE_WIDTH) put(node, { textLength: NOTE_WIDTH, lengthAdjust: "spacingAndGlyphs" });
}

/** Fill the table with [name, value] rows. */
export function table(rows, title) {
  text($("values").caption, title);
  const body = $("values").tBodies[0];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(([name, value], i) => {
    const row = body.rows[i] ?? body.insertRow();
    if (!row.cells.length) row.innerHTML = '<th scope="row"></th><td></td>';
    text(row.cells[0], name);
    text(row.cells[1], value);
  });
}
