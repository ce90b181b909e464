// The table of ops and its filters. Only the rows in view are in the document.

const ROW = 46;

function makeTable(model, state, select, changed) {
  const scroller = document.getElementById("rows");
  const table = document.getElementById("table");
  const body = document.getElementById("body");
  const form = document.getElementById("filters");
  const text = document.getElementById("text");
  const choices = { op: document.getElementById("by-op"), reason: document.getElementById("by-reason"), lint: document.getElementById("by-lint") };
  const sort = { by: "index", isDown: false };
  let rows = []; // indices of ops, in the table's order
  let drawn = [-1, -1];

  function fillChoices() {
    const tally = (values) => {
      const counts = new Map();
      for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
      return [...counts].sort((a, b) => b[1] - a[1]);
    };
    const offer = (list, all, counts) => {
      list.append(element("option", { value: "" }, all));
      for (const [value, count] of counts) {
        const label = value.length > 88 ? `${value.slice(0, 88)}…` : value;
        list.append(element("option", { value }, `${label} (${count})`));
      }
    };
    offer(choices.op, "any", tally(model.ops.map((op) => op.op)));
    offer(choices.reason, "any", tally(model.ops.map((op) => op.reasonKind)));
    offer(choices.lint, "any or none", tally(model.ops.flatMap((op) => [...new Set(op.lints.map((i) => model.lints[i].kind))])));
    choices.lint.options[0].after(element("option", { value: "*" }, "with a lint"));
  }

  function fillPlaces() {
    const counts = {};
    for (const op of model.ops) counts[op.place] = (counts[op.place] || 0) + 1;
    const known = Object.keys(PLACES).filter((place) => counts[place]);
    for (const place of [...known, ...Object.keys(counts).filter((place) => !PLACES[place])]) {
      const box = element("input", { type: "checkbox", name: "place", value: place, checked: place !== "folded" });
      const label = element("label", { class: `place ${place}`, title: placeLong(place) }, box, element("i", { "aria-hidden": "true" }), `${placeName(place)} `, element("b", {}, counts[place].toLocaleString("en")));
      document.getElementById("places").append(label);
    }
  }

  function filter() {
    const wanted = text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const had = state.places.has("folded");
    state.places = new Set([...form.querySelectorAll("[name=place]:checked")].map((box) => box.value));
    const [op, reason, lint] = [choices.op.value, choices.reason.value, choices.lint.value];
    rows = [];
    for (const one of model.ops) {
      const isMatch =
        state.places.has(one.place) &&
        (!op || one.op === op) &&
        (!reason || one.reasonKind === reason) &&
        (!lint || (lint === "*" ? one.lints.length > 0 : one.lints.some((i) => model.lints[i].kind === lint))) &&
        wanted.every((word) => one.found.includes(word));
      state.matches[one.index] = isMatch ? 1 : 0;
      if (isMatch) rows.push(one.index);
    }
    order();
    document.getElementById("count").textContent =
      `${rows.length.toLocaleString("en")} of ${plural(model.ops.length, "op")}`;
    changed(had !== state.places.has("folded"));
  }

  function order() {
    const value = {
      index: (op) => op.index,
      op: (op) => op.op,
      place: (op) => op.place,
      cost_us: (op) => op.cost_us ?? -1,
      lints: (op) => op.lints.length,
    }[sort.by];
    const sign = sort.isDown ? -1 : 1;
    rows.sort((a, b) => {
      const [x, y] = [value(model.ops[a]), value(model.ops[b])];
      return (x < y ? -sign : x > y ? sign : 0) || a - b;
    });
    for (const head of table.querySelectorAll("th[data-sort]")) {
      const isIt = head.dataset.sort === sort.by;
      head.setAttribute("aria-sort", isIt ? (sort.isDown ? "descending" : "ascending") : "none");
    }
    table.setAttribute("aria-rowcount", rows.length + 1);
    drawn = [-1, -1];
    draw();
  }

  function draw() {
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - 8);
    const end = Math.min(rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW) + 8);
    if (drawn[0] === first && drawn[1] === end) return;
    drawn = [first, end];
    const space = (height) => {
      const row = element("tr", { "aria-hidden": "true", class: "space" }, element("td", { colspan: 6 }));
      row.style.height = `${height}px`;
      return row;
    };
    const list = rows.slice(first, end).map((index, k) => line(model.ops[index], first + k));
    body.replaceChildren(space(first * ROW), ...list, space((rows.length - end) * ROW));
    mark();
  }

  function line(op, position) {
    const lints = op.lints.length
      ? element("span", { class: "lint", title: op.lints.map((i) => model.lints[i].kind).join(", ") }, `! ${op.lints.length}`, element("span", { class: "unseen" }, plural(op.lints.length, "lint")))
      : "";
    const made = element(
      "tr",
      { id: `row-${op.index}`, "aria-rowindex": position + 2, "data-op": op.index },
      element("td", { class: "number faint" }, String(op.index)),
      element("td", { class: "name" }, element("b", {}, op.op), element("span", { title: op.path }, element("bdi", {}, op.path.slice(op.path.indexOf("/") + 1)))),
      element("td", {}, badge(op.place)),
      element("td", { class: "number" }, op.place === "folded" ? "–" : number(op.cost_us)),
      element("td", { class: "reason", title: op.reason }, element("span", {}, op.reason)),
      element("td", {}, lints),
    );
    return made;
  }

  function mark() {
    for (const row of body.querySelectorAll("[aria-selected]")) row.removeAttribute("aria-selected");
    const row = document.getElementById(`row-${state.selected}`);
    if (row) row.setAttribute("aria-selected", "true");
    if (row) scroller.setAttribute("aria-activedescendant", row.id);
    else scroller.removeAttribute("aria-activedescendant");
  }

  function show(index) {
    const position = rows.indexOf(index);
    if (position >= 0) {
      const head = table.tHead.offsetHeight;
      const [top, bottom] = [position * ROW, (position + 1) * ROW];
      if (top < scroller.scrollTop) scroller.scrollTop = top;
      else if (bottom + head > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom + head - scroller.clientHeight;
    }
    draw();
    mark();
  }

  scroller.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(scroller);
  body.addEventListener("click", (event) => {
    const row = event.target.closest("[data-op]");
    if (row) select(Number(row.dataset.op), "table");
  });
  scroller.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(scroller.clientHeight / ROW) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || event.target !== scroller || !rows.length) return;
    event.preventDefault();
    const now = rows.indexOf(state.selected);
    const next = now < 0 && Math.abs(steps[event.key]) < Infinity ? 0 : now + steps[event.key];
    select(rows[Math.max(0, Math.min(rows.length - 1, next))], "table");
  });
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th[data-sort]");
    if (!head) return;
    const isSame = sort.by === head.dataset.sort;
    sort.isDown = isSame ? !sort.isDown : ["cost_us", "lints"].includes(head.dataset.sort);
    sort.by = head.dataset.sort;
    scroller.scrollTop = 0;
    order();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));

  // Filters as if the user had set them; what is not named is reset.
  function choose(values) {
    form.reset();
    for (const [name, value] of Object.entries(values)) choices[name].value = value;
    filter();
  }

  fillChoices();
  fillPlaces();
  return { filter, show, choose, find: () => text.focus() };
}
