// The page's words in the visitor's language, and numbers as that language writes them.

const words = JSON.parse(document.getElementById("words").textContent);

/** A word or sentence by its name in words.json, with `value` at its {}. */
export const say = (name, value) => (words[name] ?? name).replace("{}", value);

/** A name inside a sentence: German alone writes it with a capital. */
export const inside = (name) => (language === "de" ? say(name) : say(name).toLocaleLowerCase(language));

const language = document.documentElement.lang;
const locale = (navigator.languages ?? []).find((tag) => tag.startsWith(language)) ?? language;
const [whole, tenths] = [0, 1].map((digits) => {
  const { format } = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (value) => format(value);
});

export const percent = (value) => `${whole(value)}\u00a0%`;

/** Say seconds as "42 s", "7 min" or "3.5 h". */
export function duration(seconds) {
  if (seconds < 100) return `${whole(Math.max(0, seconds))}\u00a0s`;
  return seconds < 5940 ? `${whole(seconds / 60)}\u00a0min` : `${tenths(seconds / 3600)}\u00a0h`;
}

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
