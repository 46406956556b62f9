// One function for each task draws a case into a parent element. `payload` is what drawings.py packed.
const BOTH = { both: "Both", truth: "Truth", predicted: "Prediction" };
const PALETTE = [
  [46, 134, 222], [230, 126, 34], [39, 174, 96], [155, 89, 182], [241, 196, 15], [26, 188, 156],
  [231, 76, 160], [120, 144, 70], [93, 109, 200], [200, 110, 90], [90, 190, 230], [160, 130, 60],
];
const WRONG = [235, 60, 50];
const IGNORED = [128, 128, 128];
const colour = (index) => (index < 0 ? IGNORED : PALETTE[index % PALETTE.length]);
const css = (rgb) => `rgb(${rgb.join(",")})`;
const preferred = { mode: "both", semantic: "difference", points: "errors" };

const DRAW = { classes: drawClasses, boxes: drawBoxes, semantic: drawSemantic, points: drawPoints };

function frame(width, height) {
  const box = element("div", { class: "stage-picture" });
  // As wide as there is room, but never higher than a screen; tiny pictures are not blown up without end.
  const highest = Math.min(580, Math.max(320, height * 2));
  box.style.aspectRatio = `${width} / ${height}`;
  box.style.maxWidth = `${(highest * width) / height}px`;
  if (width <= 128 && height <= 128) box.classList.add("pixelated");
  return box;
}

function picture(image) {
  return element("img", { src: byId(`image-${image.key}`).textContent, alt: "input image", decoding: "async" });
}

function missingPicture(payload) {
  return payload.no_image ? element("p", { class: "note" }, payload.no_image) : null;
}

function legend(...entries) {
  return element("ul", { class: "case-legend" }, ...entries.map(([swatch, text]) => {
    if (!swatch.line && !swatch.rgb) return element("li", {}, text);
    const sign = element("span", { class: swatch.line ? `line ${swatch.line}` : "swatch", "aria-hidden": "true" });
    if (swatch.rgb) sign.style.background = css(swatch.rgb);
    return element("li", {}, sign, text);
  }));
}

function drawInput(parent, payload) {
  if (payload.image) {
    const box = frame(payload.image.width, payload.image.height);
    box.append(picture(payload.image));
    parent.append(box);
  } else parent.append(missingPicture(payload) ?? "");
}

function drawClasses(parent, payload, { truth, predicted }) {
  const score = predicted.score === null || predicted.score === undefined ? "" : ` (${Number(predicted.score).toFixed(2)})`;
  parent.append(element("p", { class: "verdict-words" },
    "expected ", element("strong", { class: "truth" }, truth.label ?? "nothing"),
    ", predicted ", element("strong", { class: "predicted" }, (predicted.label ?? "nothing") + score)));
  drawInput(parent, payload);
}

function drawBoxes(parent, payload, { truth, predicted }) {
  const extent = (axis) => Math.max(1, ...[...truth.boxes, ...predicted.boxes].map((box) => box[axis + 2])) * 1.03;
  const width = payload.image?.width ?? extent(0);
  const height = payload.image?.height ?? extent(1);
  const box = frame(width, height);
  const overlay = shape("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", class: "overlay" });
  const scored = predicted.scores.some((score) => score !== null);
  let least = scored ? predicted.threshold ?? Math.min(0.5, ...predicted.scores.map((score) => score ?? 1)) : 0;
  const redraw = () => {
    const font = (12.5 * width) / (box.clientWidth || width);
    overlay.replaceChildren();
    if (preferred.mode !== "predicted") addBoxes(overlay, truth, "truth", font, () => true);
    if (preferred.mode !== "truth") addBoxes(overlay, predicted, "predicted", font, (i) => (predicted.scores[i] ?? 1) >= least);
  };
  if (payload.image) box.append(picture(payload.image));
  box.append(overlay);
  const tools = element("div", { class: "tools" },
    segments(BOTH, preferred.mode, (mode) => { preferred.mode = mode; redraw(); }));
  if (scored) tools.append(slider("score at least", { min: 0, max: 1, step: 0.01, value: least }, (value) => { least = value; redraw(); }));
  const count = (side) => side.boxes.length;
  parent.append(tools, box, legend([{ line: "truth" }, `truth, ${count(truth)}`],
    [{ line: "predicted" }, `prediction, ${count(predicted)}`], [{}, "thick and labelled: missed or extra"]),
    missingPicture(payload) ?? "");
  new ResizeObserver(redraw).observe(box);
}

function addBoxes(overlay, side, kind, font, shown) {
  const many = side.boxes.length > 12;
  side.boxes.forEach(([x1, y1, x2, y2], i) => {
    if (!shown(i)) return;
    const odd = side.matched[i] === false && !side.crowd[i];
    const place = { x: x1, y: y1, width: Math.max(x2 - x1, 0), height: Math.max(y2 - y1, 0) };
    const score = side.scores[i] === null ? "" : ` ${side.scores[i].toFixed(2)}`;
    const fate = side.crowd[i] ? "crowd " : odd ? (kind === "truth" ? "missed " : "extra ") : "";
    const name = `${fate}${side.labels[i] ?? ""}${score}`;
    const box = shape("rect", { ...place, class: `box ${kind}${odd ? " odd" : ""}${side.crowd[i] ? " crowd" : ""}` });
    overlay.append(shape("g", {}, shape("rect", { ...place, class: "box halo" }), box, shape("title", {}, name)));
    if (many && !odd) return;
    const above = kind === "truth" ? (y1 > font * 1.3 ? y1 - font * 0.35 : y1 + font) : y2 - font * 0.4;
    overlay.append(shape("text", {
      x: x1 + font * 0.2, y: above, "font-size": font, "stroke-width": font / 4, class: `box-label ${kind}`,
    }, name.trim()));
  });
}

function classColumn(runs, length) {
  if (!runs) return null;
  const column = new Int16Array(length).fill(-1);
  let at = 0;
  for (let i = 0; i + 1 < runs.length && at < length; i += 2) {
    column.fill(runs[i], at, at + runs[i + 1]);
    at += runs[i + 1];
  }
  return column;
}

function drawSemantic(parent, payload, mask) {
  const { width, height, classes } = mask;
  const truth = classColumn(mask.truth, width * height);
  const predicted = classColumn(mask.predicted, width * height);
  const canvas = element("canvas", { width, height });
  canvas.style.opacity = "0.65";
  const box = frame(payload.image?.width ?? width, payload.image?.height ?? height);
  if (payload.image) box.append(picture(payload.image));
  box.append(canvas);
  const note = element("div");
  const modes = truth && predicted ? { difference: "Difference", truth: "Truth", predicted: "Prediction" }
    : truth ? { truth: "Truth" } : { predicted: "Prediction" };
  const redraw = (mode) => {
    if (truth && predicted) preferred.semantic = mode;
    const painter = mode === "difference" ? difference(truth, predicted) : flat(mode === "truth" ? truth : predicted);
    const shares = paintMask(canvas, painter, width * height);
    note.replaceChildren(mode === "difference" ? differenceLegend(shares) : classLegend(shares, classes));
  };
  const current = Object.hasOwn(modes, preferred.semantic) ? preferred.semantic : Object.keys(modes)[0];
  parent.append(element("div", { class: "tools" }, segments(modes, current, redraw),
    slider("opacity", { min: 0, max: 1, step: 0.05, value: 0.65 }, (value) => { canvas.style.opacity = value; })),
    box, note, missingPicture(payload) ?? "");
}

const flat = (column) => (i) => [column[i], colour(column[i]), column[i] < 0 ? 90 : 255];

const difference = (truth, predicted) => (i) => {
  if (truth[i] < 0) return ["ignored", IGNORED, 150];
  return truth[i] === predicted[i] ? ["same", [0, 0, 0], 0] : ["wrong", WRONG, 255];
};

function paintMask(canvas, painter, length) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  const counts = new Map();
  for (let i = 0; i < length; i += 1) {
    const [key, rgb, alpha] = painter(i);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    pixels.data.set([rgb[0], rgb[1], rgb[2], alpha], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
  return new Map([...counts].map(([key, count]) => [key, count / length]));
}

const inPercent = (share) => `${(100 * share).toFixed(1)} %`;

function differenceLegend(shares) {
  const entries = [[{ rgb: WRONG }, `wrong pixels ${inPercent(shares.get("wrong") ?? 0)}`]];
  if (shares.has("ignored")) entries.push([{ rgb: IGNORED }, `unlabeled ${inPercent(shares.get("ignored"))}`]);
  return legend(...entries);
}

function classLegend(shares, classes) {
  const found = [...shares].sort((a, b) => b[1] - a[1]).slice(0, 16);
  return legend(...found.map(([index, share]) =>
    [{ rgb: colour(index) }, `${index < 0 ? "unlabeled" : classes[index] ?? index} ${inPercent(share)}`]));
}
