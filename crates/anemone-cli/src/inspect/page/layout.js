// Where ops stand: segments one below the other, in each the ops in layers along the edges, and the
// long strip that this makes cut into columns. Time and memory grow with ops and edges alone.

const NODE = { width: 156, height: 34 };
const PITCH = { x: 172, y: 54 };
const WIDEST = 12; // ops in a layer; more go on in the next
const HEADER = 30; // above the first layer of a segment in a column
const GUTTER = 84; // between columns
const FEWEST = 10; // layers that make a column

// `aspect` is the width of the view by its height.
function layOut(ops, isShown, aspect) {
  const layers = inLayers(ops, isShown);
  const at = new Array(ops.length).fill(null);
  layers.forEach((layer, row) => layer.ops.forEach((op, k) => (at[op] = { row, k, x: 0, y: 0, column: 0 })));
  order(ops, layers, at);
  straighten(ops, layers, at);
  const { columns, bands, width, height } = cut(layers, at, aspect);
  const edges = route(ops, layers, at, columns);
  return { at, layers, bands, edges, width, height };
}

function inLayers(ops, isShown) {
  const layers = [];
  const row = new Int32Array(ops.length).fill(-1);
  let start = 0;
  for (let first = 0; first < ops.length; ) {
    const segment = ops[first].segment;
    let end = first;
    while (end < ops.length && ops[end].segment === segment) end += 1;
    const here = [];
    for (let i = first; i < end; i += 1) if (isShown(ops[i])) here.push(i);
    const filled = []; // ops in each layer
    const next = []; // the first layer from here on that has room
    const room = (k) => {
      while (next[k] !== undefined && next[k] !== k) {
        next[k] = next[next[k]] ?? next[k];
        k = next[k];
      }
      return k;
    };
    const put = (i, k) => {
      row[i] = start + k;
      filled[k] = (filled[k] || 0) + 1;
      next[k] = filled[k] >= WIDEST ? k + 1 : k;
    };
    for (const i of here) {
      let least = 0;
      for (const from of ops[i].from) if (row[from] >= start) least = Math.max(least, row[from] - start + 1);
      put(i, room(least));
    }
    // What takes nothing from its own segment stands close to what takes from it.
    for (const i of here.slice().reverse()) {
      if (ops[i].from.some((from) => row[from] >= start)) continue;
      let most = Infinity;
      for (const to of ops[i].to) if (row[to] >= start && ops[to].segment === segment) most = Math.min(most, row[to] - start - 1);
      if (most === Infinity) continue;
      const own = row[i] - start;
      while (most > own && filled[most] >= WIDEST) most -= 1;
      if (most <= own) continue;
      filled[own] -= 1;
      filled[most] = (filled[most] || 0) + 1;
      row[i] = start + most;
    }
    const rows = Array.from({ length: filled.length }, () => ({ segment, ops: [] }));
    for (const i of here) rows[row[i] - start].ops.push(i);
    const kept = rows.filter((layer) => layer.ops.length);
    kept.forEach((layer, k) => layer.ops.forEach((i) => (row[i] = start + k)));
    layers.push(...kept);
    start += kept.length;
    first = end;
  }
  return layers;
}

// Fewer crossings: each layer sorted by the mean place of its neighbours above, then below.
function order(ops, layers, at) {
  const place = (i) => at[i].k - (layers[at[i].row].ops.length - 1) / 2;
  for (let sweep = 0; sweep < 4; sweep += 1) {
    const down = sweep % 2 === 0;
    for (let n = 0; n < layers.length; n += 1) {
      const layer = layers[down ? n : layers.length - 1 - n].ops;
      if (layer.length < 2) continue;
      const wish = new Map(layer.map((i) => [i, mean(ops, at, i, down, place) ?? place(i)]));
      layer.sort((a, b) => wish.get(a) - wish.get(b) || at[a].k - at[b].k);
      layer.forEach((i, k) => (at[i].k = k));
    }
  }
}

// The mean over neighbours above (or below); those that are far count less.
function mean(ops, at, i, above, place) {
  let sum = 0;
  let weights = 0;
  for (const j of above ? ops[i].from : ops[i].to) {
    if (!at[j]) continue;
    const weight = 1 / Math.abs(at[i].row - at[j].row || 1);
    sum += weight * place(j);
    weights += weight;
  }
  return weights ? sum / weights : null;
}

// Chains go straight down: each op moves towards its neighbours as far as its layer lets it.
function straighten(ops, layers, at) {
  for (const layer of layers) layer.ops.forEach((i, k) => (at[i].x = (k - (layer.ops.length - 1) / 2) * PITCH.x));
  for (let sweep = 0; sweep < 6; sweep += 1) {
    const down = sweep % 2 === 0;
    for (let n = 0; n < layers.length; n += 1) {
      const layer = layers[down ? n : layers.length - 1 - n].ops;
      const wish = layer.map((i) => mean(ops, at, i, down, (j) => at[j].x) ?? at[i].x);
      const left = wish.slice();
      for (let k = 1; k < left.length; k += 1) left[k] = Math.max(left[k], left[k - 1] + PITCH.x);
      const right = wish.slice();
      for (let k = right.length - 2; k >= 0; k -= 1) right[k] = Math.min(right[k], right[k + 1] - PITCH.x);
      layer.forEach((i, k) => (at[i].x = (left[k] + right[k]) / 2));
    }
  }
}

// Cuts the strip into columns, and says where each segment's bands are.
function cut(layers, at, aspect) {
  const extents = (from, to) => {
    let [low, high] = [Infinity, -Infinity];
    for (let row = from; row < to; row += 1) {
      const layer = layers[row].ops;
      low = Math.min(low, at[layer[0]].x);
      high = Math.max(high, at[layer[layer.length - 1]].x);
    }
    return [low, high + NODE.width];
  };
  let breaks = 0;
  layers.forEach((layer, row) => (breaks += row > 0 && layers[row - 1].segment !== layer.segment ? 1 : 0));
  const total = layers.length * PITCH.y + breaks * HEADER;
  const widths = layers.map((_, row) => extents(row, row + 1)).map(([low, high]) => high - low);
  const typical = widths.slice().sort((a, b) => a - b)[Math.floor(widths.length * 0.9)] || NODE.width;
  const wanted = Math.sqrt((aspect * total) / (typical + GUTTER));
  const most = Math.max(1, Math.floor(layers.length / FEWEST));
  const count = Math.max(1, Math.min(most, Math.round(wanted)));
  const tall = total / count + HEADER + PITCH.y / 2;

  const columns = [];
  const bands = [];
  let [x, height, first] = [0, 0, 0];
  while (first < layers.length) {
    let [y, end] = [0, first];
    const tops = [];
    for (; end < layers.length; end += 1) {
      const opens = end === first || layers[end].segment !== layers[end - 1].segment;
      // A column ends when it is full, but not right below a segment's header.
      if (end > first && y + PITCH.y / 2 > tall && !(tops.length && y - tops[tops.length - 1].y < 2 * PITCH.y && !opens)) break;
      if (opens) {
        if (end > first) y += 14;
        tops.push({ y, row: end, segment: layers[end].segment, isContinued: end > 0 && layers[end - 1].segment === layers[end].segment });
        y += HEADER;
      }
      for (const i of layers[end].ops) at[i].y = y;
      y += PITCH.y;
    }
    const [low, high] = extents(first, end);
    for (let row = first; row < end; row += 1) {
      for (const i of layers[row].ops) {
        at[i].x += x - low;
        at[i].column = columns.length;
      }
    }
    tops.forEach((top, k) => {
      const bottom = k + 1 < tops.length ? tops[k + 1].y - 14 : y;
      bands.push({ ...top, x: x - 16, width: high - low + 32, height: bottom - top.y - 8 });
    });
    columns.push({ left: x, right: x + high - low });
    height = Math.max(height, y);
    x += high - low + GUTTER;
    first = end;
  }
  return { columns, bands, width: Math.max(0, x - GUTTER), height };
}

// Points of each edge. Kinds: `down` to the next layer, `around` past layers between, `over` to another column.
function route(ops, layers, at, columns) {
  const edges = [];
  const half = NODE.width / 2;
  for (const op of ops) {
    const from = at[op.index];
    if (!from) continue;
    for (const j of op.to) {
      const to = at[j];
      if (!to) continue;
      const edge = { from: op.index, to: j, x1: from.x + half, y1: from.y + NODE.height, x2: to.x + half, y2: to.y };
      const lane = (op.index % 5) * 5;
      if (from.column !== to.column) {
        edge.kind = "over";
        edge.out = columns[from.column].right + 28 + lane;
        edge.in = to.column === from.column + 1 ? edge.out : columns[to.column].left - GUTTER + 28 + lane;
      } else if (to.row - from.row === 1) {
        edge.kind = "down";
      } else {
        let [low, high] = [Infinity, -Infinity];
        for (let row = from.row + 1; row < to.row; row += 1) {
          const layer = layers[row].ops;
          low = Math.min(low, at[layer[0]].x);
          high = Math.max(high, at[layer[layer.length - 1]].x + NODE.width);
        }
        const middle = (edge.x1 + edge.x2) / 2;
        edge.kind = "around";
        if (middle > high + 6 || middle < low - 6) edge.side = middle;
        else edge.side = high - middle <= middle - low ? high + 10 + lane : low - 10 - lane;
      }
      edge.isTransfer = op.place !== "folded" && ops[j].place !== op.place;
      edges.push(edge);
    }
  }
  return edges;
}
