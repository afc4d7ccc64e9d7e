// "Run the check": the steps of doctor, each shown as soon as it is known.

import { $, node } from "./parts.js";
import { duration, knows, say } from "./words.js";

/** The lines of an answer, each as soon as it is complete. */
async function* lines(body) {
  let rest = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const found = (rest + chunk).split("\n");
    rest = found.pop();
    yield* found;
  }
}

/** "local: powers" in the words of the page; details are those of the log. */
function step({ step: name, ok, detail }) {
  const [link, what] = name.includes(": ") ? name.split(": ") : ["", name];
  const shown = `${knows(`step_${what}`) ? say(`step_${what}`) : what}${link ? ` (${link})` : ""}`;
  return node("li", [node("b", say(ok ? "ok" : "fails"), { className: ok ? "good" : "bad" }), node("span", shown), node("small", detail, { lang: "en" })]);
}

function verdict({ healthy, cause, advice }) {
  if (healthy) return [node("strong", say("good"), { className: "good" })];
  return [node("strong", `${say(`cause_${cause}`)}.`, { className: "bad" }), `${say(`do_${cause}`)} `, node("small", advice, { lang: "en", className: "muted" })];
}

async function run() {
  const steps = $("steps");
  $("run").disabled = true;
  steps.replaceChildren();
  steps.hidden = false;
  $("verdict").textContent = say("running");
  try {
    const answer = await fetch("status/check", { method: "POST" });
    if (answer.status === 429) return $("verdict").replaceChildren(say("later", duration(Number(answer.headers.get("Retry-After")))));
    if (!answer.ok) throw new Error(answer.statusText);
    for await (const line of lines(answer.body)) {
      const found = JSON.parse(line);
      if (found.step) steps.append(step(found));
      else $("verdict").replaceChildren(...verdict(found));
    }
  } catch {
    $("verdict").textContent = say("no_check");
  } finally {
    $("run").disabled = false;
  }
}

$("run").addEventListener("click", run);
