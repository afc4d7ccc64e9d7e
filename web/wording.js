// The words of the pages about the past, and how numbers and times are written there.

const WORDS = {
  en: {
    solar: "Solar", home: "Home", battery: "Battery", grid: "Grid", generator: "Generator", charge: "Charge", reserve: "Reserve", outage: "Grid outage",
    today: "Today", stored: "stored", sold: "sold", used: "used", bought: "bought", other: "Home (source unknown)", self: "Self-powered", yesterday: "yesterday {}",
    gap: "nothing recorded", now: "now", back: "Earlier", on: "Later", day: "Day", week: "Week", month: "Month", year: "Year", history: "History",
    status: "Status", power: "What the home used, by source; below the line what was stored and sold", level: "Charge of the battery", devices: "Strings and temperatures", packs: "Full energy of the packs",
    table: "As a table", csv: "Download (CSV)", simulated: "Simulated data", none: "Nothing is recorded of this time.", failed: "The history cannot be read: {}.", time: "Time", measured: "integrated from power", range: "Span of time",
    string_power: "Power of the solar strings", temperature: "Temperature of the packs", flow: "Power flow", outages: "Outages", lasted: "{} for {} min, least charge {}",
  },
  de: {
    solar: "Solar", home: "Haus", battery: "Batterie", grid: "Netz", generator: "Generator", charge: "Ladestand", reserve: "Reserve", outage: "Netzausfall",
    today: "Heute", stored: "gespeichert", sold: "verkauft", used: "entnommen", bought: "gekauft", other: "Haus (Quelle unbekannt)", self: "Eigenversorgung", yesterday: "gestern {}",
    gap: "nichts aufgezeichnet", now: "jetzt", back: "Früher", on: "Später", day: "Tag", week: "Woche", month: "Monat", year: "Jahr", history: "Verlauf",
    status: "Status", power: "Verbrauch des Hauses nach Quelle; unter der Linie, was gespeichert und verkauft wurde", level: "Ladestand der Batterie", devices: "Strings und Temperaturen", packs: "Volle Energie der Batterien",
    table: "Als Tabelle", csv: "Herunterladen (CSV)", simulated: "Simulierte Daten", none: "Von dieser Zeit ist nichts aufgezeichnet.", failed: "Der Verlauf kann nicht gelesen werden: {}.", time: "Zeit", measured: "aus Leistung integriert", range: "Zeitraum",
    string_power: "Leistung der Strings", temperature: "Temperatur der Batterien", flow: "Energiefluss", outages: "Ausfälle", lasted: "{} für {} min, geringster Ladestand {}",
  },
};

const spoken = (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2));
export const language = spoken.find((tag) => tag in WORDS) ?? "en";
const locale = (navigator.languages ?? []).find((tag) => tag.startsWith(language)) ?? language;

/** A word or sentence by its name, with values in place of its {}. */
export const word = (name, ...values) => values.reduce((text, value) => text.replace("{}", value), WORDS[language][name] ?? name);

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
