// Objects over their image: boxes, turned boxes, outlines and keypoints, all as vectors, with sliders.
const pairs = (numbers) => Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
const ring = (points) => `M${points.map((point) => point.join(" ")).join("L")}Z`;

// What to draw of object i of a side: names and attributes of SVG shapes.
const OUTLINE = {
  boxes: (side, i) => [["rect", rectangle(side.boxes[i])]],
  oriented_boxes: (side, i) => {
    const corners = pairs(side.boxes[i]);
    const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const arrow = `M${middle(corners[0], corners[2]).join(" ")}L${middle(corners[1], corners[2]).join(" ")}`;
    return [["path", { d: ring(corners) + arrow }]];
  },
  instances: (side, i) => (side.polygons[i]?.length
    ? [["path", { d: side.polygons[i].map((points) => ring(pairs(points))).join(""), "fill-rule": "evenodd", class: "filled" }]]
    : [["rect", rectangle(side.boxes[i])]]),
  keypoints: (side, i, data, unit) => {
    const points = side.keypoints[i] ?? [];
    const seen = (at) => points[at] && points[at][2] > 0;
    const bones = data.skeleton.filter(([from, to]) => seen(from) && seen(to))
      .map(([from, to]) => `M${points[from].slice(0, 2).join(" ")}L${points[to].slice(0, 2).join(" ")}`).join("");
    const dots = points.filter((point) => point[2] > 0)
      .map(([x, y, visible]) => ["circle", { cx: x, cy: y, r: unit * 0.28, class: visible === 1 ? "joint hidden-joint" : "joint" }]);
    return [["path", { d: bones || "M0 0" }], ...dots];
  },
};

function rectangle([x1, y1, x2, y2]) {
  return { x: x1, y: y1, width: Math.max(x2 - x1, 0), height: Math.max(y2 - y1, 0) };
}

function boundsOf(numbers) {
  const points = pairs(numbers);
  const [x, y] = [points.map((point) => point[0]), points.map((point) => point[1])];
  return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
}

function overlapOf(a, b) {
  const shared = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([x1, y1, x2, y2]) => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);
  const union = area(a) + area(b) - shared;
  return union > 0 ? shared / union : 0;
}

// What became of object i: its kind of error, a word for it, and how it is drawn.
function fateOf(side, kind, i, threshold) {
  const error = side.errors[i];
  if (error) return { word: error, style: KIND_STYLE[error], odd: true };
  if (side.crowd[i]) return { word: kind === "truth" ? "ignored" : "left out", look: "crowd" };
  if (side.matched[i] !== false) return { word: "" };
  if (kind === "truth") return { word: "missed", odd: true };
  const under = threshold !== null && side.scores[i] !== null && side.scores[i] < threshold;
  return under ? { word: "under the threshold", look: "faint" } : { word: "extra", odd: true };
}

function drawObjects(parent, payload, data) {
  const { truth, predicted } = data;
  const extents = [...truth.boxes, ...predicted.boxes].map(boundsOf);
  const extent = (axis) => Math.max(1, ...extents.map((box) => box[axis + 2])) * 1.03;
  const width = payload.image?.width ?? extent(0);
  const height = payload.image?.height ?? extent(1);
  const box = frame(width, height);
  const overlay = shape("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "overlay" });
  const scored = predicted.scores.some((score) => score !== null);
  const overlaps = predicted.boxes.map((place) => Math.max(0, ...truth.boxes.map((other) => overlapOf(boundsOf(place), boundsOf(other)))));
  const limits = { score: scored ? predicted.threshold ?? Math.min(0.5, ...predicted.scores.map((score) => score ?? 1)) : 0, overlap: 1 };
  const within = (i) => (predicted.scores[i] ?? 1) >= limits.score && overlaps[i] <= limits.overlap;
  let lit = null;
  const redraw = () => {
    const font = (12.5 * width) / (box.clientWidth || width);
    overlay.replaceChildren();
    if (preferred.mode !== "predicted") addObjects(overlay, payload.task, data, "truth", font, () => true);
    if (preferred.mode !== "truth") addObjects(overlay, payload.task, data, "predicted", font, within);
    lightUp(overlay, lit);
  };
  if (payload.image) box.append(picture(payload.image));
  box.append(overlay);
  const tools = element("div", { class: "tools" },
    segments(BOTH, preferred.mode, (mode) => { preferred.mode = mode; redraw(); }));
  if (scored) tools.append(slider("score at least", { min: 0, max: 1, step: 0.01, value: limits.score }, (value) => { limits.score = value; redraw(); }));
  if (truth.boxes.length && predicted.boxes.length) {
    tools.append(slider("box IoU at most", { min: 0, max: 1, step: 0.01, value: 1 }, (value) => { limits.overlap = value; redraw(); }));
  }
  parent.append(tools, box, objectsLegend(data), missingPicture(payload) ?? "");
  new ResizeObserver(redraw).observe(box);
  return (error) => { lit = error; lightUp(overlay, error); };
}

function objectsLegend({ truth, predicted }) {
  const entries = [[{ line: "truth" }, `truth, ${truth.boxes.length}`], [{ line: "predicted" }, `prediction, ${predicted.boxes.length}`]];
  const counts = new Map();
  for (const kind of [...truth.errors, ...predicted.errors]) if (kind) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const kind of Object.keys(KIND_STYLE)) if (counts.has(kind)) entries.push([{ kind }, `${kind} ${counts.get(kind)}`]);
  if (!counts.size) entries.push([{}, "thick and labelled: missed or extra"]);
  const left = truth.left_out + predicted.left_out;
  if (left) entries.push([{}, `${left.toLocaleString("en")} more are not drawn`]);
  return legend(...entries);
}

function addObjects(overlay, task, data, kind, font, shown) {
  const side = data[kind];
  // Where something is wrong, what is right is not labelled all over it.
  const quiet = side.boxes.length > 12 || (kind === "predicted" && side.errors.some(Boolean));
  side.boxes.forEach((place, i) => {
    if (!shown(i)) return;
    const fate = fateOf(side, kind, i, side.threshold);
    const score = side.scores[i] === null ? "" : ` ${side.scores[i].toFixed(2)}`;
    const name = `${fate.word ? `${fate.word} ` : ""}${side.labels[i] ?? ""}${score}`;
    const group = shape("g", { "data-side": kind, "data-at": i });
    for (const [tag, attributes] of OUTLINE[task](side, i, data, font)) {
      const look = `box ${kind}${fate.odd ? " odd" : ""}${fate.look ? ` ${fate.look}` : ""} ${attributes.class ?? ""}`;
      const outline = shape(tag, { ...attributes, class: look });
      if (fate.style) Object.assign(outline.style, { stroke: fate.style.stroke, strokeDasharray: fate.style.dash || "none", color: fate.style.stroke });
      group.append(shape(tag, { ...attributes, class: "box halo" }), outline);
    }
    group.append(shape("title", {}, name));
    if (!quiet || fate.odd) group.append(objectLabel(boundsOf(place), kind, font, name, fate));
    overlay.append(group);
  });
}

function objectLabel([x1, y1, , y2], kind, font, name, fate) {
  const above = kind === "truth" ? (y1 > font * 1.3 ? y1 - font * 0.35 : y1 + font) : y2 - font * 0.4;
  const label = shape("text", {
    x: x1 + font * 0.2, y: above, "font-size": font, "stroke-width": font / 4, class: `box-label ${kind}`,
  }, name.trim());
  if (fate.style) label.style.fill = fate.style.stroke;
  return label;
}

// The objects of one error come to the front, everything else steps back.
function lightUp(overlay, error) {
  overlay.querySelector(".error-place")?.remove();
  for (const group of overlay.querySelectorAll(".lit")) group.classList.remove("lit");
  overlay.classList.toggle("dimmed", error !== null);
  if (error === null) return;
  const concerned = [["truth", error.truth_at], ["predicted", error.predicted_at]]
    .map(([side, at]) => (at === undefined ? null : overlay.querySelector(`[data-side="${side}"][data-at="${at}"]`)));
  for (const group of concerned) {
    if (!group) continue;
    group.classList.add("lit");
    overlay.append(group);
  }
  if (error.box?.length === 4) overlay.append(shape("rect", { ...rectangle(error.box), class: "error-place" }));
}
