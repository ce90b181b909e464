// The graph on a canvas: drawn anew on each change, only what is in view.

function makeGraph(canvas, model, state, select) {
  const context = canvas.getContext("2d");
  const tip = document.getElementById("tip");
  let layout = null;
  let view = { x: 0, y: 0, scale: 1 };
  let size = { width: 1, height: 1 };
  let waiting = false;
  let hovered = -1;
  const cuts = new Map(); // texts cut to their width

  const half = NODE.width / 2;
  const isShown = (op) => op.place !== "folded" || state.places.has("folded");

  function relayout() {
    layout = layOut(model.ops, isShown, size.width / size.height);
    fit();
  }

  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      paint();
    });
  }

  function paint() {
    if (!layout) return;
    const ratio = window.devicePixelRatio || 1;
    const colours = state.colours;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, -view.x * view.scale * ratio, -view.y * view.scale * ratio);
    const window_ = { left: view.x, top: view.y, right: view.x + size.width / view.scale, bottom: view.y + size.height / view.scale };
    paintBands(window_, colours);
    paintEdges(window_, colours);
    paintNodes(window_, colours);
  }

  function paintBands(seen, colours) {
    const hairline = 1 / view.scale;
    for (const band of layout.bands) {
      if (band.x > seen.right || band.x + band.width < seen.left || band.y > seen.bottom || band.y + band.height < seen.top) continue;
      const segment = model.segments[band.segment];
      const place = segment ? segment.place : "folded";
      context.beginPath();
      context.roundRect(band.x, band.y, band.width, band.height, 10);
      context.globalAlpha = 0.5;
      context.fillStyle = tint(colours, place).soft;
      context.fill();
      context.globalAlpha = 0.6;
      context.lineWidth = hairline;
      context.strokeStyle = tint(colours, place).strong;
      context.stroke();
      context.globalAlpha = 1;
      const font = Math.min(12 / view.scale, 24);
      if (segment && font * view.scale > 7) {
        context.fillStyle = tint(colours, place).strong;
        context.font = `600 ${Math.max(12, font)}px system-ui, sans-serif`;
        const figures = ` · ${plural(segment.ops, "op")}${band.width > 260 ? ` · ${number(segment.cost_us)} µs` : ""}`;
        const more = band.isContinued ? " continued" : figures;
        context.textBaseline = "middle";
        context.fillText(shortened(`${placeName(place)} ${band.segment + 1}${more}`, band.width - 20, `band ${Math.round(font)}`), band.x + 12, band.y + 15);
      }
    }
  }

  function trace(edge) {
    const { x1, y1, x2, y2 } = edge;
    context.moveTo(x1, y1);
    if (edge.kind === "down") {
      const middle = (y1 + y2) / 2;
      context.bezierCurveTo(x1, middle, x2, middle, x2, y2);
    } else if (edge.kind === "around") {
      const bend = Math.min(PITCH.y, (y2 - y1) / 2);
      context.bezierCurveTo(x1, y1 + bend * 0.6, edge.side, y1 + bend * 0.2, edge.side, y1 + bend);
      context.lineTo(edge.side, y2 - bend);
      context.bezierCurveTo(edge.side, y2 - bend * 0.2, x2, y2 - bend * 0.6, x2, y2);
    } else {
      const gap = 9;
      context.arcTo(x1, y1 + gap, edge.out, y1 + gap, 8);
      context.arcTo(edge.out, y1 + gap, edge.out, -14, 8);
      if (edge.in !== edge.out) {
        context.arcTo(edge.out, -14, edge.in, -14, 8);
        context.arcTo(edge.in, -14, edge.in, y2 - gap, 8);
      }
      context.arcTo(edge.in, y2 - gap, x2, y2 - gap, 8);
      context.arcTo(x2, y2 - gap, x2, y2, 8);
      context.lineTo(x2, y2);
    }
  }

  function isEdgeSeen(edge, seen) {
    const sides = edge.kind === "around" ? [edge.side] : edge.kind === "over" ? [edge.in, edge.out] : [];
    const top = edge.kind === "over" ? -20 : edge.y1;
    const bottom = Math.max(edge.y1, edge.y2) + 20;
    return (
      Math.min(edge.x1, edge.x2, ...sides) <= seen.right && Math.max(edge.x1, edge.x2, ...sides) >= seen.left &&
      Math.min(top, edge.y2) <= seen.bottom && bottom >= seen.top
    );
  }

  function paintEdges(seen, colours) {
    const near = [];
    const groups = { plain: [], transfer: [] };
    for (const edge of layout.edges) {
      if (!isEdgeSeen(edge, seen)) continue;
      if (edge.from === state.selected || edge.to === state.selected) near.push(edge);
      else groups[edge.isTransfer ? "transfer" : "plain"].push(edge);
    }
    const thin = Math.max(1.1, 0.7 / view.scale);
    stroke(groups.plain, colours.edge, thin, [], view.scale < 0.2 ? 0.35 : 0.8);
    stroke(groups.transfer, colours.transfer, thin * 1.4, [6, 4], 0.9);
    stroke(near, colours.selected, Math.max(2.2, 1.6 / view.scale), [], 1);
  }

  function stroke(edges, colour, width, dash, alpha) {
    context.globalAlpha = alpha;
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.beginPath();
    for (const edge of edges) trace(edge);
    context.stroke();
    context.setLineDash([]);
    if (view.scale > 0.4) {
      context.beginPath();
      for (const { x2, y2 } of edges) {
        context.moveTo(x2, y2);
        context.lineTo(x2 - 4, y2 - 7);
        context.lineTo(x2 + 4, y2 - 7);
        context.closePath();
      }
      context.fill();
    }
    context.globalAlpha = 1;
  }

  function paintNodes(seen, colours) {
    const isNear = view.scale > 0.42;
    context.textBaseline = "middle";
    for (const op of model.ops) {
      const at = layout.at[op.index];
      if (!at || at.x > seen.right || at.x + NODE.width < seen.left || at.y > seen.bottom || at.y + NODE.height < seen.top) continue;
      context.globalAlpha = state.matches[op.index] ? 1 : 0.16;
      if (isNear) paintNode(op, at, colours);
      else paintBlock(op, at, colours);
      context.globalAlpha = 1;
    }
    const at = layout.at[state.selected];
    if (!at) return;
    const out = Math.max(3, 2 / view.scale);
    context.lineWidth = Math.max(2.5, 2.5 / view.scale);
    context.strokeStyle = colours.selected;
    context.beginPath();
    context.roundRect(at.x - out, at.y - out, NODE.width + 2 * out, NODE.height + 2 * out, 8 + out);
    context.stroke();
  }

  // From afar: colour, and stripes on what the CPU runs.
  function paintBlock(op, at, colours) {
    const { strong } = tint(colours, op.place);
    context.fillStyle = strong;
    if (op.place === "folded") context.globalAlpha *= 0.45;
    context.fillRect(at.x, at.y, NODE.width, NODE.height);
    if (op.place === "cpu" || op.place === "gpu") {
      context.fillStyle = colours.ground;
      const stripes = op.place === "cpu" ? [0, 0.94] : [0];
      for (const part of stripes) context.fillRect(at.x + NODE.width * part + 3, at.y, NODE.width * 0.03, NODE.height);
    }
    if (view.scale > 0.25) {
      context.font = "600 23px system-ui, sans-serif";
      context.fillStyle = op.place === "folded" ? colours.text : colours.ground;
      context.fillText(shortened(op.op, NODE.width - 20, "far"), at.x + 10, at.y + NODE.height / 2 + 1);
    }
    if (op.lints.length) {
      context.fillStyle = colours.lint;
      context.beginPath();
      context.arc(at.x + NODE.width, at.y, Math.min(16, 3.2 / view.scale), 0, 7);
      context.fill();
    }
  }

  function paintNode(op, at, colours) {
    const { strong, soft } = tint(colours, op.place);
    context.beginPath();
    context.roundRect(at.x, at.y, NODE.width, NODE.height, 7);
    context.fillStyle = colours.ground;
    context.fill();
    context.fillStyle = soft;
    context.fill();
    context.setLineDash(op.place === "folded" ? [4, 3] : []);
    context.lineWidth = op.index === hovered ? 2 : 1;
    context.strokeStyle = strong;
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.roundRect(at.x, at.y, 5, NODE.height, [7, 0, 0, 7]);
    context.fillStyle = strong;
    context.fill();
    context.fillStyle = colours.text;
    context.font = "600 12px system-ui, sans-serif";
    context.fillText(shortened(op.op, NODE.width - 54, "op"), at.x + 12, at.y + 11.5);
    context.font = "10px system-ui, sans-serif";
    context.fillStyle = strong;
    context.textAlign = "right";
    context.fillText(placeName(op.place), at.x + NODE.width - 7, at.y + 11.5);
    context.textAlign = "left";
    context.fillStyle = colours.muted;
    context.fillText(shortened(op.path.slice(op.path.indexOf("/") + 1), NODE.width - 20, "path"), at.x + 12, at.y + 25);
    if (op.lints.length) {
      context.beginPath();
      context.arc(at.x + NODE.width, at.y, 7.5, 0, 7);
      context.fillStyle = colours.lint;
      context.fill();
      context.fillStyle = colours.ground;
      context.font = "800 11px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText("!", at.x + NODE.width, at.y + 0.5);
      context.textAlign = "left";
    }
  }

  // The middle is left out: names differ most at their ends. The font is the context's own.
  function shortened(text, width, kind) {
    const key = `${kind} ${width} ${text}`;
    if (!cuts.has(key)) {
      let [cut, keep] = [text, Math.min(text.length, 60)];
      while (keep > 2 && context.measureText(cut).width > width) {
        keep -= 1;
        cut = `${text.slice(0, Math.ceil(keep / 3))}…${text.slice(text.length - Math.floor((2 * keep) / 3))}`;
      }
      cuts.set(key, cut);
    }
    return cuts.get(key);
  }

  function zoom(factor, x = size.width / 2, y = size.height / 2) {
    const scale = Math.min(2.5, Math.max(fitScale() * 0.7, view.scale * factor));
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    draw();
  }

  const margin = 30;
  const fitScale = () =>
    Math.min(1.1, (size.width - 2 * margin) / (layout.width + 1), (size.height - 2 * margin - 34) / (layout.height + 1));

  function fit() {
    const scale = Math.max(0.005, fitScale());
    view = {
      scale,
      x: -(size.width / scale - layout.width) / 2,
      y: layout.height * scale < size.height - 100 ? -margin / scale : -(size.height / scale - layout.height - 34 / scale) / 2,
    };
    draw();
  }

  function show(index, isClose) {
    const at = layout.at[index];
    if (!at) return draw();
    if (isClose && view.scale < 0.6) view.scale = 0.85;
    const inner = { x: size.width / view.scale, y: size.height / view.scale };
    const space = 50 / view.scale;
    if (isClose || at.x < view.x + space || at.x + NODE.width > view.x + inner.x - space) view.x = at.x + half - inner.x / 2;
    if (isClose || at.y < view.y + space || at.y + NODE.height > view.y + inner.y - space) view.y = at.y - inner.y / 2;
    return draw();
  }

  function opAt(event) {
    const box = canvas.getBoundingClientRect();
    const x = view.x + (event.clientX - box.left) / view.scale;
    const y = view.y + (event.clientY - box.top) / view.scale;
    const slack = Math.max(2, 4 / view.scale);
    let [best, least] = [-1, Infinity];
    for (const op of model.ops) {
      const at = layout.at[op.index];
      if (!at || x < at.x - slack || x > at.x + NODE.width + slack || y < at.y - slack || y > at.y + NODE.height + slack) continue;
      const distance = Math.abs(x - at.x - half) + Math.abs(y - at.y - NODE.height / 2);
      if (distance < least) [best, least] = [op.index, distance];
    }
    return best;
  }

  function watchPointer() {
    const held = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      held.set(event.pointerId, { x: event.clientX, y: event.clientY });
      canvas.setPointerCapture(event.pointerId);
      if (held.size === 1) moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId);
      if (!before) return hover(event);
      const now = { x: event.clientX, y: event.clientY };
      const others = [...held].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      if (others.length) {
        const [other] = others;
        const box = canvas.getBoundingClientRect();
        const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
        zoom(apart(now) / apart(before), (now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top);
      } else {
        view.x -= (now.x - before.x) / view.scale;
        view.y -= (now.y - before.y) / view.scale;
      }
      moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
      held.set(event.pointerId, now);
      canvas.classList.toggle("is-held", moved > 4);
      return draw();
    });
    const release = (event) => {
      if (held.delete(event.pointerId) && event.type === "pointerup" && moved <= 4) select(opAt(event), "graph");
      canvas.classList.remove("is-held");
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => hover(null));
    canvas.addEventListener("dblclick", (event) => show(opAt(event), true));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      const lines = event.deltaMode === 1 ? 16 : 1;
      zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
  }

  function hover(event) {
    const index = event ? opAt(event) : -1;
    if (index !== hovered) {
      hovered = index;
      draw();
    }
    tip.hidden = index < 0;
    if (index < 0) return;
    const op = model.ops[index];
    tip.replaceChildren(element("strong", {}, op.op), " ", badge(op.place), ` ${number(op.cost_us)} µs`, element("br"), op.path);
    const box = canvas.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX - box.left + 14, size.width - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY - box.top + 16, size.height - tip.offsetHeight - 8))}px`;
  }

  function beside(step) {
    const at = layout.at[state.selected];
    const row = layout.layers[at.row].ops;
    return row[at.k + step] ?? state.selected;
  }

  const shownOf = (indices) => indices.find((index) => layout.at[index]);

  function walk(key) {
    if (!layout.at[state.selected]) return shownOf(model.ops.map((op) => op.index)) ?? -1;
    const op = model.ops[state.selected];
    const ways = {
      ArrowUp: () => shownOf(op.from.slice().reverse()) ?? op.index,
      ArrowDown: () => shownOf(op.to) ?? op.index,
      ArrowLeft: () => beside(-1),
      ArrowRight: () => beside(1),
    };
    return ways[key]();
  }

  function watchKeys() {
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const steps = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
      const step = steps[event.key];
      if (step && event.shiftKey) {
        view.x += (step[0] * 80) / view.scale;
        view.y += (step[1] * 80) / view.scale;
        draw();
      } else if (step) select(walk(event.key), "graph-keys");
      else if (event.key === "+" || event.key === "=") zoom(1.3);
      else if (event.key === "-") zoom(1 / 1.3);
      else if (event.key === "0") fit();
      else if (event.key === "Enter" && state.selected >= 0) show(state.selected, true);
      else return;
      event.preventDefault();
    });
  }

  new ResizeObserver(() => {
    const box = canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    size = { width: Math.max(1, box.width), height: Math.max(1, box.height) };
    canvas.width = Math.round(size.width * ratio);
    canvas.height = Math.round(size.height * ratio);
    if (layout) draw();
    else relayout();
  }).observe(canvas);
  watchPointer();
  watchKeys();
  return { draw, relayout, show, zoom, fit };
}

const tint = (colours, place) => colours[place] || colours.folded;
