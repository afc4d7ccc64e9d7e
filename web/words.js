// The page's words in the visitor's language, and numbers as that language writes them.

const words = JSON.parse(document.getElementById("words").textContent);

/** A word or sentence by its name in words.json, with values in place of its {}. */
export const say = (name, ...values) => values.reduce((text, value) => text.replace("{}", value), words[name] ?? name);

export const knows = (name) => name in words;

const language = document.documentElement.lang;
/** Words that do not begin a sentence: German alone keeps its capitals. */
const lower = (text) => (language === "de" ? text : text[0].toLocaleLowerCase(language) + text.slice(1));
export const inside = (name) => lower(say(name));

const locale = (navigator.languages ?? []).find((tag) => tag.startsWith(language)) ?? language;
const [whole, tenths] = [0, 1].map((digits) => {
  const { format } = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (value) => format(value);
});

export const percent = (value) => `${whole(value)}\u00a0%`;

/** Say seconds as people do: "42 s", "7 min", "2 h 30 min", "14 h", "1 d 12 h"; as proxy/views/sentence.py does. */
export function duration(seconds) {
  const join = (...parts) => parts.map(([value, unit]) => value && `${whole(value)}\u00a0${unit}`).filter(Boolean).join(" ");
  if (seconds < 100) return `${whole(Math.max(0, seconds))}\u00a0s`;
  if (seconds < 5940) return join([seconds / 60, "min"]);
  const tens = Math.round(seconds / 600);
  if (seconds < 36000) return join([Math.floor(tens / 6), "h"], [(tens % 6) * 10, "min"]);
  const hours = Math.round(seconds / 3600);
  return seconds < 86400 ? join([hours, "h"]) : join([Math.floor(hours / 24), say("day")], [hours % 24, "h"]);
}

/** Write a phrase of a snapshot: sources, time and percent in this order. */
export function phrase({ key, sources, time, percent: level }) {
  const values = [sources?.map(inside).join(" + "), time !== undefined && duration(time), level !== undefined && percent(level)];
  return say(key, ...values.filter((value) => value !== undefined && value !== false));
}

/** Phrases of readings that are old: how it was then. What was still to come is left out; as in proxy/views/sentence.py. */
export const then = (phrases) =>
  phrases.filter(({ time }) => time === undefined).map((each) => phrase({ ...each, key: each.key === "runs_on" ? "ran_on" : each.key }));

/** The same as one sentence that begins with their age in seconds. */
export function ago(phrases, age) {
  const texts = then(phrases).map(lower);
  return texts.length ? say("was", duration(age), texts.join(", ")) : say("old", duration(age));
}

/** A moment (ms) as a time of day, with its date if it is not of these 24 hours. */
export const clock = (at) =>
  new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", ...(Date.now() - at > 864e5 && { day: "numeric", month: "short" }) }).format(at);

/**
 * Make a function from watts to [number, unit]: whole watts below 1 kW, then kW with one decimal,
 * none from 100 kW. A quantity that swings around 1 kW keeps its unit within 5 %.
 */
export function meter(units) {
  let kilo = false;
  return (watts) => {
    const size = Math.abs(watts);
    kilo = units === "kw" || (units !== "w" && size >= (kilo ? 950 : 999.5));
    const shown = kilo ? size / 1000 : size;
    const format = kilo && shown < 99.95 ? tenths : whole;
    const isZero = shown < (kilo ? 0.05 : 0.5);
    return [(watts < 0 && !isZero ? "\u2212" : "") + format(shown), kilo ? "kW" : "W"];
  };
}
