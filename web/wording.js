// The words of the pages about the past, and how numbers and times are written there.

export const { lang: language } = document.documentElement;
const locale = (navigator.languages ?? []).find((tag) => tag.startsWith(language)) ?? language;
const words = (await (await fetch("past-words.json")).json())[language];

/** A word or sentence by its name, with values in place of its {}. */
export const word = (name, ...values) => values.reduce((text, value) => text.replace("{}", value), words[name] ?? name);

const formats = {};
const fixed = (value, digits) => (formats[digits] ??= new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits })).format(value);

export const share = (value) => (value == null ? "–" : `${fixed(value, 0)} %`);
export const kilowatts = (watts) => (watts == null ? "–" : `${fixed(watts / 1000, 1)} kW`);
/** Energies as people read them; "≈" if no counter measured them. */
export const kilowattHours = (wh, isIntegrated, sign = "") => (wh == null ? "–" : `${isIntegrated ? "≈ " : ""}${sign}${fixed(wh / 1000, wh < 99950 ? 1 : 0)} kWh`);
export const plain = (value, digits = 1) => (value == null ? "–" : fixed(value, digits));

/** Make a function that writes a time (s) of the site's zone. */
export function writer(zone, options) {
  const format = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options });
  return (at) => format.format(new Date(at * 1000));
}

/** The hour of the day (0 to 23) at the site. */
export function hours(zone) {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" });
  return (at) => Number(format.format(new Date(at * 1000)));
}
