// All that is known of the selected op, and the lists of lints, segments and notes.

function opLink(model, index, select) {
  const op = model.ops[index];
  return element("button", { type: "button", class: "op-link", title: op.path, on: { click: () => select(index, "link") } }, badge(op.place), ` ${op.op} `, element("span", {}, element("bdi", {}, op.path.slice(op.path.indexOf("/") + 1))));
}

// Links to ops, the first of them at once and the others on demand.
function opLinks(model, indices, select, most = 8) {
  const list = element("ul", { class: "links" }, indices.slice(0, most).map((i) => element("li", {}, opLink(model, i, select))));
  if (indices.length > most) {
    const more = element("button", { type: "button", on: { click: () => list.replaceWith(opLinks(model, indices, select, most * 10)) } }, `${indices.length - most} more`);
    list.append(element("li", {}, more));
  }
  return list;
}

const term = (name, ...value) => [element("dt", {}, name), element("dd", {}, ...value)];

const TIMES = { ane_us: "Expected on the ANE", cpu_us: "Expected on the CPU", gpu_us: "Expected on the GPU" };
const TOLD = ["path", "op", "place", "reason", "evidence", "confidence", "cost_us", "flops", "obstacle", "can_run"];

function tellOp(panel, model, index, select) {
  const op = model.ops[index];
  panel.classList.toggle("is-open", Boolean(op));
  if (!op) {
    panel.replaceChildren(element("p", { class: "empty" }, "Select an op in the graph or in the table to see where it would run, why, and by whose word."));
    return;
  }
  const raw = op.raw;
  const times = Object.entries(raw).filter(([key]) => /_us$/.test(key) && key !== "cost_us");
  const others = Object.entries(raw).filter(([key, value]) => !TOLD.includes(key) && !/_us$/.test(key) && value !== null && typeof value !== "object");
  const segment = model.segments[op.segment];
  panel.replaceChildren(
    element("h2", {}, badge(op.place), " ", op.op, element("code", {}, element("bdi", {}, op.path))),
    element("p", { class: "why" }, op.reason),
    element(
      "dl",
      {},
      term("Evidence", ...evidence(raw.evidence)),
      term("Confidence", String(raw.confidence ?? "unknown")),
      op.place === "folded" ? [] : term("Expected time", `${number(raw.cost_us)} µs on the ${placeLong(op.place)}`),
      op.place === "folded" ? [] : times.map(([key, value]) => term(TIMES[key] || key, value === null ? "none" : `${number(value)} µs`)),
      term("Operations", operations(raw.flops)),
      raw.can_run === undefined ? [] : term("Engine can run it", words(raw.can_run)),
      raw.obstacle ? term("Obstacle", words(raw.obstacle)) : [],
      segment && op.place !== "folded" ? term("Segment", `${op.segment + 1} of ${model.segments.length}, ${plural(segment.ops, "op")}`) : [],
      others.map(([key, value]) => term(words(key), visible(value))),
      op.from.length ? term("Takes from", opLinks(model, op.from, select)) : [],
      op.to.length ? term("Gives to", opLinks(model, op.to, select)) : [],
    ),
    ...op.lints.map((i) => element("article", { class: "finding" }, element("h3", {}, element("span", { class: "lint" }, "!"), ` ${words(model.lints[i].kind)}`), tellLint(model.lints[i].raw))),
  );
  panel.scrollTop = 0;
}

const words = (name) => (typeof name === "object" ? visible(JSON.stringify(name)) : visible(name)).replace(/_/g, " ");

function tellLint(lint) {
  const data = Object.entries(lint.data || {}).map(([key, value]) => `${words(key)} ${visible(Array.isArray(value) ? value.join(" × ") : value)}`);
  return element(
    "dl",
    {},
    term("What", visible(lint.what ?? "")),
    term("Why", ...linked(lint.why ?? "")),
    term("Evidence", ...evidence(lint.evidence)),
    term("Fix", visible(lint.fix ?? "")),
    data.length ? term("For a repair", data.join("; ")) : [],
  );
}

function tellLints(panel, model, select, filter) {
  if (!model.lints.length) {
    panel.replaceChildren(element("p", { class: "empty" }, "Nothing was found."));
    return;
  }
  const known = (lint) => new Set(lint.raw.paths || []).size;
  panel.replaceChildren(
    ...model.lints.map((lint) => {
      const strangers = (lint.raw.paths || []).filter((path) => !model.byPath.has(path));
      return element(
        "details",
        { class: "finding" },
        element("summary", {}, element("span", { class: "lint" }, "!"), element("b", {}, words(lint.kind)), element("span", { class: "what" }, visible(lint.raw.what ?? "")), element("span", { class: "faint" }, plural(known(lint), "place"))),
        tellLint(lint.raw),
        lint.at.length ? opLinks(model, lint.at, select) : "",
        strangers.length ? element("p", { class: "faint" }, `Also: ${strangers.slice(0, 20).map(visible).join(", ")}`) : "",
        lint.at.length ? element("button", { type: "button", on: { click: () => filter(lint.kind) } }, "Show these ops alone") : "",
      );
    }),
  );
}

function tellSegments(panel, model, select) {
  const { report, segments } = model;
  const MOST = 400;
  const rows = segments.slice(0, MOST).map((segment, i) =>
    element("tr", {},
      element("td", { class: "number" }, String(i + 1)),
      element("td", {}, badge(segment.place)),
      element("td", { class: "number" }, segment.ops.toLocaleString("en")),
      element("td", { class: "number" }, number(segment.cost_us)),
      element("td", { class: "number" }, operations(segment.flops)),
      element("td", {}, model.ops[segment.first] ? opLink(model, segment.first, select) : ""),
    ));
  const moves = (report.transfers || []).slice(0, MOST).map((transfer) =>
    element("tr", {},
      element("td", {}, element("code", {}, element("bdi", {}, visible(transfer.value)))),
      element("td", {}, badge(transfer.from), " → ", badge(transfer.to)),
      element("td", { class: "number" }, bytes(transfer.bytes)),
    ));
  const head = (...names) => element("thead", {}, element("tr", {}, names.map((name) => element("th", { scope: "col" }, name))));
  const rest = (all) => (all > MOST ? element("p", { class: "faint" }, `and ${all - MOST} more, in the JSON`) : "");
  panel.replaceChildren(
    element("h2", {}, "Segments, in order"),
    element("table", { class: "plain" }, head("#", "Place", "Ops", "µs", "Operations", "First op"), element("tbody", {}, rows)),
    rest(segments.length),
    element("h2", {}, "Values that change place"),
    moves.length ? element("table", { class: "plain" }, head("Value", "From and to", "Size"), element("tbody", {}, moves)) : element("p", { class: "empty" }, "None."),
    rest((report.transfers || []).length),
  );
}

function tellNotes(panel, model) {
  const { report } = model;
  const assumed = (report.assumed || []).map((one) => element("li", {}, element("code", {}, visible(one.input)), ` axis ${one.axis}: ${one.size}`));
  panel.replaceChildren(
    element("h2", {}, "What the figures rest on"),
    element("ul", {}, (report.notes || []).map((note) => element("li", {}, ...linked(note)))),
    ...(assumed.length ? [element("h2", {}, "Sizes that nobody gave, and what was taken"), element("ul", {}, assumed)] : []),
    element("h2", {}, "Classes of evidence"),
    element("dl", {}, Object.entries(CLASSES).map(([name, meaning]) => term(name, meaning))),
  );
}
