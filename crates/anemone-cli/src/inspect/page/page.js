// The page put together: the summary, what is selected, and what changes when it does.

function summarise(model) {
  const { report } = model;
  const meter = (value) => {
    const bar = element("span", { class: "meter", "aria-hidden": "true" }, element("i", {}));
    bar.firstChild.style.width = `${Math.max(0, Math.min(100, value || 0))}%`;
    return bar;
  };
  const range = (of, unit) => {
    if (!of) return [element("strong", { class: "none" }, "unknown"), element("small", {}, "no source supports a figure")];
    const bar = element("span", { class: "range", "aria-hidden": "true" }, element("i", {}));
    const part = of.high > of.low ? Math.log(of.estimate / of.low) / Math.log(of.high / of.low) : 0.5;
    bar.firstChild.style.left = `${100 * (Number.isFinite(part) ? part : 0.5)}%`;
    return [element("strong", {}, `≈ ${number(of.estimate)} `, element("span", {}, unit)), bar, element("small", {}, `${number(of.low)} to ${number(of.high)} ${unit}`)];
  };
  const live = model.ops.filter((op) => op.place !== "folded").length;
  const onEngine = model.ops.filter((op) => op.place === "ane").length;
  const card = (id, name, ...content) => element("div", { class: "card", id }, element("h2", {}, name), ...content);
  document.getElementById("summary").replaceChildren(
    card("ane-share-flops", "Operations on the ANE", element("strong", {}, percent(report.ane_share_flops)), meter(report.ane_share_flops), element("small", {}, `of ${operations(report.flops)}`)),
    card("ane-share-ops", "Ops on the ANE", element("strong", {}, percent(report.ane_share_ops)), meter(report.ane_share_ops), element("small", {}, `${onEngine.toLocaleString("en")} of ${live.toLocaleString("en")} that run`)),
    card("latency", "Latency of a run", ...range(report.latency_ms, "ms")),
    card("energy", "Energy of the engine", ...range(report.energy_mj, "mJ")),
    card("moves", "Segments", element("strong", {}, model.segments.length.toLocaleString("en")), element("small", {}, `${plural((report.transfers || []).length, "value")} change place`)),
    card("weights", "Weights", element("strong", {}, bytes(report.weight_bytes)), element("small", {}, "as the engine holds them")),
    card("findings", "Lints", element("strong", {}, model.lints.length.toLocaleString("en")), element("small", {}, `at ${plural(model.ops.filter((op) => op.lints.length).length, "op")}`)),
  );
  const target = report.target || {};
  const systems = { macos: "macOS", ios: "iOS" };
  const os = target.os ? `${systems[target.os.system] || target.os.system} ${target.os.major}` : "";
  document.getElementById("target").textContent = visible([String(target.chip ?? "").toUpperCase(), report.compiler_target, os, report.function].filter(Boolean).join(" · "));
  document.getElementById("title").textContent = model.title;
}

function tellAdvice(model, select) {
  const { advice } = model.report;
  const line = document.getElementById("advice");
  if (!advice) return;
  line.hidden = false;
  const at = (advice.paths || []).map((path) => model.byPath.get(path)).filter((i) => i !== undefined);
  line.append(
    element("b", {}, "What would move most: "),
    visible(advice.change),
    ` → ${percent(advice.ane_share_flops)} of operations on the ANE instead of ${percent(model.report.ane_share_flops)}. `,
    at.length ? element("button", { type: "button", on: { click: () => select(at[0], "link") } }, at.length === 1 ? "Show the op" : `Show the first of ${at.length}`) : "",
  );
}

function makeRibbon(model, state, select) {
  const canvas = document.getElementById("ribbon");
  const live = model.ops.filter((op) => op.place !== "folded");
  const legend = document.getElementById("legend");
  const used = new Set(live.map((op) => op.place));
  const places = [...Object.keys(PLACES), ...used].filter((place, i, all) => used.has(place) && all.indexOf(place) === i);
  legend.append(...places.map((place) => element("li", { class: `place ${place}` }, element("i", { "aria-hidden": "true" }), placeLong(place))));
  legend.append(element("li", {}, element("span", { class: "lint", "aria-hidden": "true" }, "!"), " lint"), element("li", {}, element("span", { class: "dash", "aria-hidden": "true" }), " changes place"));
  canvas.setAttribute("aria-label", `Ops in order: ${model.segments.slice(0, 12).map((s) => `${placeName(s.place)} ${s.ops}`).join(", ")}${model.segments.length > 12 ? ", and more" : ""}`);

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const step = width / Math.max(1, live.length);
    const top = 6;
    let first = 0;
    while (first < live.length) {
      let end = first;
      while (end < live.length && live[end].place === live[first].place) end += 1;
      const [x, right] = [first * step, end * step];
      context.fillStyle = tint(state.colours, live[first].place).strong;
      const wide = Math.max(right - x - (right - x > 3 ? 1 : 0), live[first].place === "ane" ? 0.6 : 2);
      context.fillRect(x, top, wide, height - top);
      if (live[first].place !== "ane" && wide > 8) {
        context.fillStyle = state.colours.ground;
        for (let k = x + 4; k < x + wide - 2; k += 6) context.fillRect(k, top, 1.5, height - top);
      }
      first = end;
    }
    live.forEach((op, k) => {
      if (op.lints.length) {
        context.fillStyle = state.colours.lint;
        context.fillRect(k * step, 0, Math.max(1.5, Math.min(step - 1, 4)), 4);
      }
      if (op.index === state.selected) {
        context.fillStyle = state.colours.selected;
        context.fillRect(k * step - 1, 0, Math.max(3, step), height);
      }
    });
  }

  canvas.addEventListener("click", (event) => {
    const k = Math.floor((event.offsetX / canvas.clientWidth) * live.length);
    if (live[k]) select(live[k].index, "ribbon");
  });
  new ResizeObserver(draw).observe(canvas);
  return { draw };
}

function watchTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const open = (tab) => {
    for (const one of tabs) {
      one.setAttribute("aria-selected", one === tab);
      one.tabIndex = one === tab ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = one !== tab;
    }
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      open(next);
      next.focus();
    });
  });
  return (name) => open(document.getElementById(`tab-${name}`));
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  const pair = (name) => ({ strong: of(name), soft: of(`${name}-soft`) });
  return { ane: pair("ane"), cpu: pair("cpu"), gpu: pair("gpu"), folded: pair("folded"), ground: of("ground"), text: of("text"), muted: of("muted"), edge: of("edge"), transfer: of("transfer"), selected: of("selected"), lint: of("lint") };
}

function start() {
  const model = readModel();
  const state = { selected: -1, places: new Set(), matches: new Uint8Array(model.ops.length).fill(1), colours: readColours() };
  const openTab = watchTabs();
  const details = document.getElementById("details");

  function select(index, from) {
    state.selected = index ?? -1;
    const op = model.ops[state.selected];
    tellOp(details, model, state.selected, choose);
    table.show(state.selected);
    if (op && from !== "graph") graph.show(state.selected, from !== "graph-keys");
    graph.draw();
    ribbon.draw();
    document.getElementById("said").textContent = op ? `${op.op}, ${placeName(op.place)}, ${op.path}` : "";
  }
  const choose = (index, from) => {
    select(index, from);
    if (from === "link") details.focus();
  };

  const table = makeTable(model, state, select, (isRelaid) => {
    if (isRelaid) graph.relayout();
    else graph.draw();
  });
  const graph = makeGraph(document.getElementById("graph"), model, state, select);
  const ribbon = makeRibbon(model, state, select);
  summarise(model);
  tellAdvice(model, select);
  tellOp(details, model, -1, choose);
  tellLints(document.getElementById("panel-lints"), model, choose, (kind) => {
    table.choose({ lint: kind });
    openTab("ops");
  });
  tellSegments(document.getElementById("panel-segments"), model, choose);
  tellNotes(document.getElementById("panel-notes"), model);
  document.getElementById("tab-lints").textContent = `Lints ${model.lints.length}`;
  document.getElementById("tab-segments").textContent = `Segments ${model.segments.length}`;
  document.getElementById("graph").setAttribute("aria-label", `Graph of ${plural(model.ops.length, "op")}`);
  table.filter();

  const press = (id, act) => document.getElementById(id).addEventListener("click", act);
  press("zoom-in", () => graph.zoom(1.4));
  press("zoom-out", () => graph.zoom(1 / 1.4));
  press("zoom-fit", () => graph.fit());
  press("zoom-selected", () => graph.show(state.selected, true));
  press("help-open", () => document.getElementById("help").showModal());
  document.addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      openTab("ops");
      table.find();
    } else if (event.key === "Escape" && !isTyping && !document.getElementById("help").open) select(-1, "keys");
  });
  watchTheme(() => {
    state.colours = readColours();
    graph.draw();
    ribbon.draw();
  });
}

function watchTheme(changed) {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => (button.textContent = isDark() ? "Light" : "Dark");
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    tell();
    changed();
  });
  system.addEventListener("change", () => {
    tell();
    changed();
  });
  tell();
}

start();
