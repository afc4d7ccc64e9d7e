// The API reference is complete without script; this adds a button to try a GET, and one to copy it.

import { say } from "./words.js";

const MOST = 65536; // characters of an answer that are shown
const HEADERS = ["age", "cache-status", "etag", "content-type", "retry-after"];

const shellSafe = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The command for a shell; what is `sent` has placeholders, and goes into the body, never into the address. */
function curl(method, address, sent) {
  if (method === "GET") return `curl ${shellSafe(address)}`;
  const fields = sent ? sent.split(" ").map((field) => `-d ${shellSafe(field)} `) : [];
  return `curl -X ${method} ${fields.join("")}${shellSafe(address)}`;
}

function pretty(text, type) {
  try {
    return type.includes("json") ? JSON.stringify(JSON.parse(text), null, 2) : text;
  } catch {
    return text;
  }
}

async function request(address, output) {
  output.hidden = false;
  output.textContent = "…";
  const started = performance.now();
  try {
    const answer = await fetch(address);
    const text = pretty(await answer.text(), answer.headers.get("content-type") ?? "");
    const head = HEADERS.filter((name) => answer.headers.has(name)).map((name) => `${name}: ${answer.headers.get(name)}`);
    const cut = text.length > MOST ? `\n… ${text.length - MOST} more characters` : "";
    output.classList.toggle("failed", !answer.ok);
    output.textContent = `${answer.status} ${answer.statusText}, ${Math.round(performance.now() - started)} ms\n${head.join("\n")}\n\n${text.slice(0, MOST)}${cut}`;
  } catch {
    output.classList.add("failed");
    output.textContent = say("no_proxy");
  }
}

for (const route of document.querySelectorAll(".route")) {
  const { method, methods, path, kind, sent } = route.dataset;
  const address = new URL(path.slice(1), document.baseURI).href;
  const place = route.querySelector("div");
  const output = Object.assign(document.createElement("pre"), { hidden: true, ariaLive: "polite" });
  const button = (text, action) => place.append(Object.assign(document.createElement("button"), { textContent: text, onclick: action }));
  const copy = (text, verb) =>
    button(text, async ({ target }) => {
      const line = curl(verb, address, sent);
      try {
        await navigator.clipboard.writeText(line);
        target.textContent = say("copied");
      } catch {
        output.hidden = false; // no clipboard on plain http
        output.textContent = line;
      }
    });
  if (method === "GET" && kind === "read") button(say("try"), () => request(address, output));
  if (method === "GET" && kind === "page") place.append(Object.assign(document.createElement("a"), { textContent: say("open_page"), href: address }));
  copy(say("copy"), method);
  if (method === "GET" && methods.includes("POST")) copy(say("copy_post"), "POST");
  place.append(output);
}

/** Show the routes whose path or summary has all words of the filter. */
const field = document.getElementById("filter");
function filter() {
  const words = field.value.toLowerCase().split(/\s+/);
  let count = 0;
  for (const route of document.querySelectorAll(".route")) {
    const text = route.querySelector("summary").textContent.toLowerCase();
    route.hidden = !words.every((word) => text.includes(word));
    count += !route.hidden;
  }
  for (const group of document.querySelectorAll("main section")) group.hidden = !group.querySelector(".route:not([hidden])");
  document.getElementById("found").textContent = field.value ? say("found", count) : "";
}
field.hidden = false;
field.addEventListener("input", filter);

/** Open the route that the address names. */
function visit() {
  const route = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!route) return;
  route.open = true;
  route.scrollIntoView();
}
addEventListener("hashchange", visit);
visit();
