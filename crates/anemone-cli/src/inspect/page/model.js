"use strict";
// What the page shows: the report as it was written, and what follows from it for each op.

const PLACES = {
  ane: { name: "ANE", long: "Neural Engine" },
  cpu: { name: "CPU", long: "CPU" },
  gpu: { name: "GPU", long: "GPU" },
  folded: { name: "folded", long: "folded: gone before anything runs" },
};

const CLASSES = {
  documented: "Apple says so",
  converter: "Apple’s converter is written so",
  measured: "measured by others, on devices that they name",
  reported: "somebody reports it",
  inferred: "it follows from other facts, and nobody has looked",
};

const placeName = (place) => (PLACES[place] || { name: String(place) }).name;
const placeLong = (place) => (PLACES[place] || { long: String(place) }).long;

// Characters that show nothing or turn the line around are shown by their number.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const visible = (text) =>
  String(text).replace(UNSEEN, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

function number(value, digits = 3) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "unknown";
  if (value === 0) return "0";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(digits)));
}

function scaled(value, units, step) {
  if (typeof value !== "number") return "unknown";
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  return `${number(value)} ${units[unit]}`.trim();
}

const bytes = (value) => scaled(value, ["B", "KiB", "MiB", "GiB", "TiB"], 1024);
const operations = (value) => scaled(value, ["FLOPs", "KFLOPs", "MFLOPs", "GFLOPs", "TFLOPs"], 1000);
// A share that is not quite the whole, or not quite nothing, never reads as that.
function percent(value) {
  if (typeof value !== "number") return "unknown";
  if (value > 99.9 && value < 100) return "> 99.9 %";
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${Number(value.toFixed(1))} %`;
}

const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

// Reasons that differ by their figures alone are one reason to choose.
const withoutFigures = (reason) => reason.replace(/\d[\d.,]*/g, "…");

function readModel() {
  const { title, report, edges } = JSON.parse(document.getElementById("data").textContent);
  const ops = report.ops.map((op, index) => ({
    index,
    op: visible(op.op),
    path: visible(op.path),
    place: op.place,
    reason: visible(op.reason || ""),
    cost_us: op.cost_us,
    raw: op,
    from: [],
    to: [],
    lints: [],
    segment: -1,
  }));
  for (const op of ops) {
    op.reasonKind = withoutFigures(op.reason);
    op.found = `${op.op} ${op.path} ${op.reason}`.toLowerCase();
  }
  const seen = new Set();
  for (const [from, to] of edges || []) {
    const key = from * ops.length + to;
    if (from === to || !ops[from] || !ops[to] || seen.has(key)) continue;
    seen.add(key);
    ops[from].to.push(to);
    ops[to].from.push(from);
  }
  const byPath = new Map(ops.map((op) => [report.ops[op.index].path, op.index]));
  const lints = (report.lints || []).map((lint, index) => {
    const at = [...new Set((lint.paths || []).map((path) => byPath.get(path)))].filter((i) => i !== undefined);
    for (const op of at) ops[op].lints.push(index);
    return { index, at, raw: lint, kind: visible(lint.kind) };
  });
  const segments = report.segments || [];
  let segment = 0;
  for (const op of ops) {
    while (segment < segments.length - 1 && op.index > segments[segment].last) segment += 1;
    op.segment = segments.length ? segment : 0;
  }
  return { title: visible(title), report, ops, byPath, lints, segments };
}

// An element with attributes and children; text becomes text, never HTML.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, f] of Object.entries(value)) made.addEventListener(event, f);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null));
  return made;
}

const badge = (place) =>
  element("span", { class: `badge ${PLACES[place] ? place : "other"}` }, placeName(place));

// Text in which web addresses are links. Only http and https become one; what names a host of the
// list without either, as sources do, is taken for https.
const ADDRESS = /(\bhttps?:\/\/[^\s;,)\]>"'`]+|\b(?:[\w-]+\.)*(?:github\.com|arxiv\.org|apple\.com|substack\.com|pypi\.org|huggingface\.co)\/[^\s;,)\]>"'`]+)/i;

function linked(text) {
  return visible(text).split(ADDRESS).map((part, i) => {
    if (i % 2 === 0) return part;
    const address = part.replace(/[.:]+$/, "");
    const href = /^https?:/i.test(address) ? address : `https://${address}`;
    const link = element("a", { href, target: "_blank", rel: "noopener noreferrer" }, address);
    return element("span", {}, link, part.slice(address.length));
  });
}

// As they stand: a source may hold the semicolon that joins it to the next.
const sources = (text) => element("p", { class: "sources" }, linked(text));

function evidence(of) {
  if (!of) return ["unknown"];
  return [
    element("span", { class: "class", title: CLASSES[of.class] }, String(of.class)),
    CLASSES[of.class] ? ` – ${CLASSES[of.class]}` : "",
    of.source ? sources(of.source) : "",
  ];
}
