// Masks and images pixel by pixel: classes, segments, and where the two sides differ.
const OTHER_SEGMENT = [240, 150, 30];
const FOUND = [40, 170, 90];
const FALSE = [240, 150, 30];

function classColumn(runs, length) {
  if (!runs) return null;
  const column = new Int32Array(length).fill(-1);
  let at = 0;
  for (let i = 0; i + 1 < runs.length && at < length; i += 2) {
    column.fill(runs[i], at, at + runs[i + 1]);
    at += runs[i + 1];
  }
  return column;
}

function drawMask(parent, payload, mask) {
  const { width, height } = mask;
  const [truth, predicted] = [mask.truth, mask.predicted].map((runs) => classColumn(runs, width * height));
  const sides = { truth, predicted, mask, width };
  const canvas = element("canvas", { width, height });
  canvas.style.opacity = "0.65";
  const [fullWidth, fullHeight] = mask.full ?? (payload.image ? [payload.image.width, payload.image.height] : [width, height]);
  const overlay = shape("svg", { viewBox: `0 0 ${fullWidth} ${fullHeight}`, preserveAspectRatio: "none", class: "overlay" });
  const box = frame(payload.image?.width ?? fullWidth, payload.image?.height ?? fullHeight);
  if (payload.image) box.append(picture(payload.image));
  box.append(canvas, overlay);
  const note = element("div");
  const modes = truth && predicted ? { difference: "Difference", truth: "Truth", predicted: "Prediction" }
    : truth ? { truth: "Truth" } : { predicted: "Prediction" };
  const shown = { mode: Object.hasOwn(modes, preferred.semantic) ? preferred.semantic : Object.keys(modes)[0], only: -1, pair: null };
  const redraw = () => {
    const [painter, words] = painterOf(shown, sides);
    const shares = paintMask(canvas, painter, width * height);
    note.replaceChildren(words(shares));
  };
  const tools = element("div", { class: "tools" }, segments(modes, shown.mode, (mode) => {
    shown.mode = mode;
    if (truth && predicted) preferred.semantic = mode;
    redraw();
  }));
  if (truth && predicted && !mask.met && mask.classes.length > 1) {
    tools.append(chooser("class", ["all", ...mask.classes], (at) => { shown.only = at - 1; redraw(); }));
  }
  tools.append(slider("opacity", { min: 0, max: 1, step: 0.05, value: 0.65 }, (value) => { canvas.style.opacity = value; }));
  parent.append(tools, box, note, missingPicture(payload) ?? "");
  return (error) => {
    overlay.replaceChildren(...(error?.box?.length === 4 ? [shape("rect", { ...rectangle(error.box), class: "error-place" })] : []));
    const pair = error && !error.box && truth && predicted ? pairOf(error, mask.classes) : null;
    if (pair === shown.pair) return;
    shown.pair = pair;
    redraw();
  };
}

function pairOf(error, classes) {
  const [from, to] = [classes.indexOf(error.truth), error.predicted === undefined ? -1 : classes.indexOf(error.predicted)];
  return from < 0 ? null : [from, to];
}

// What each pixel shows, as [key, colour, alpha], and the legend for the shares of the keys.
function painterOf(shown, { truth, predicted, mask, width }) {
  if (shown.pair) {
    const [from, to] = shown.pair;
    return [(i) => (truth[i] === from && predicted[i] === to ? ["wrong", WRONG, 255] : ["same", [0, 0, 0], 0]), wrongLegend];
  }
  if (shown.mode !== "difference") {
    const side = shown.mode === "truth" ? truth : predicted;
    return mask.met ? segmentPainter(side, shown.mode, mask, width) : [flat(side), (shares) => classLegend(shares, mask.classes)];
  }
  if (mask.met) return [segmentDifference(truth, predicted, mask), segmentLegend];
  if (shown.only >= 0) return [oneClass(truth, predicted, shown.only, width), oneClassLegend];
  return [difference(truth, predicted), wrongLegend];
}

const flat = (column) => (i) => [column[i], colour(column[i]), column[i] < 0 ? 90 : 255];

const difference = (truth, predicted) => (i) => {
  if (truth[i] < 0) return ["ignored", IGNORED, 150];
  return truth[i] === predicted[i] ? ["same", [0, 0, 0], 0] : ["wrong", WRONG, 255];
};

// Of one class: what was found, missed, and said falsely, the last one hatched.
const oneClass = (truth, predicted, only, width) => (i) => {
  if (truth[i] < 0) return ["ignored", IGNORED, 150];
  if (truth[i] === only) return predicted[i] === only ? ["found", FOUND, 190] : ["missed", WRONG, 255];
  if (predicted[i] !== only) return ["other", [0, 0, 0], 0];
  return ["false", FALSE, hatched(i, width) ? 255 : 110];
};

const hatched = (i, width) => ((i % width) + Math.floor(i / width)) % 6 < 3;

const segmentDifference = (truth, predicted, mask) => (i) => {
  if (truth[i] < 0) return ["ignored", IGNORED, 150];
  if (predicted[i] >= 0 && mask.met[predicted[i]] === truth[i]) return ["same", [0, 0, 0], 0];
  const sameClass = predicted[i] >= 0 && mask.predicted_class[predicted[i]] === mask.truth_class[truth[i]];
  return sameClass ? ["segment", OTHER_SEGMENT, hatched(i, mask.width) ? 255 : 110] : ["wrong", WRONG, 255];
};

// A predicted segment has the colour of the true one that it met; edges are drawn, since colours come again.
function segmentPainter(column, kind, mask, width) {
  const names = kind === "truth" ? mask.truth_names : mask.predicted_names;
  const own = (at) => (kind === "truth" || mask.met[at] < 0 ? at + (kind === "truth" ? 0 : mask.truth_names.length) : mask.met[at]);
  const edge = (i) => column[i] !== column[i + 1] || column[i] !== column[i + width];
  const painter = (i) => (column[i] < 0 ? [-1, IGNORED, 90] : [column[i], edge(i) ? [0, 0, 0] : colour(own(column[i])), 255]);
  const words = (shares) => legend(...[...shares].sort((a, b) => b[1] - a[1]).slice(0, 16).map(([at, share]) =>
    [{ rgb: at < 0 ? IGNORED : colour(own(at)) }, `${at < 0 ? "nothing" : names[at] ?? at} ${inPercent(share)}${kind === "predicted" && at >= 0 && mask.met[at] < 0 ? ", no match" : ""}`]));
  return [painter, words];
}

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
const shareLegend = (entries) => (shares) => legend(...entries
  .filter(([key], i) => i === 0 || shares.has(key))
  .map(([key, swatch, text]) => [swatch, `${text} ${inPercent(shares.get(key) ?? 0)}`]));
const UNLABELED = ["ignored", { rgb: IGNORED }, "unlabeled"];
const wrongLegend = shareLegend([["wrong", { rgb: WRONG }, "wrong pixels"], UNLABELED]);
const oneClassLegend = shareLegend([["found", { rgb: FOUND }, "found"], ["missed", { rgb: WRONG }, "missed"],
  ["false", { rgb: FALSE, hatch: "hatch" }, "false, hatched"], UNLABELED]);
const segmentLegend = shareLegend([["wrong", { rgb: WRONG }, "wrong class"],
  ["segment", { rgb: OTHER_SEGMENT, hatch: "hatch" }, "right class, segment not met, hatched"], UNLABELED]);

function classLegend(shares, classes) {
  const found = [...shares].sort((a, b) => b[1] - a[1]).slice(0, 16);
  return legend(...found.map(([index, share]) =>
    [{ rgb: colour(index) }, `${index < 0 ? "unlabeled" : classes[index] ?? index} ${inPercent(share)}`]));
}

function drawDifference(parent, payload, data) {
  const box = frame(data.width, data.height);
  const layers = { truth: data.truth, predicted: data.predicted };
  const ground = element("img", { alt: "", decoding: "async" });
  const overlay = shape("svg", { viewBox: `0 0 ${data.width} ${data.height}`, preserveAspectRatio: "none", class: "overlay" });
  const canvas = data.difference ? heatCanvas(data) : null;
  const input = payload.image ? byId(`image-${payload.image.key}`).textContent : null;
  const modes = {};
  if (canvas) modes.difference = "Difference";
  if (layers.truth) modes.truth = "Truth";
  if (layers.predicted) modes.predicted = "Prediction";
  if (input) modes.input = "Input";
  const show = (mode) => {
    preferred.image = mode;
    const source = mode === "input" ? input : mode === "difference" ? layers.truth ?? input : layers[mode];
    ground.hidden = !source;
    ground.classList.toggle("back", mode === "difference"); // its own colours would pass for differences
    if (source) ground.src = source;
    if (canvas) canvas.hidden = mode !== "difference";
  };
  box.append(ground, canvas ?? "", overlay);
  const names = Object.keys(modes);
  const tools = element("div", { class: "tools" });
  if (names.length) tools.append(segments(modes, names.includes(preferred.image) ? preferred.image : names[0], show));
  if (canvas) tools.append(slider("opacity", { min: 0, max: 1, step: 0.05, value: 0.85 }, (value) => { canvas.style.opacity = value; }));
  const sizes = data.found && (data.found[0] !== data.width || data.found[1] !== data.height)
    ? element("p", { class: "note" }, `${data.found.join(" × ")} pixels, expected ${data.width} × ${data.height}.`) : null;
  parent.append(tools, names.length ? box : "", canvas
    ? rampLegend("0", data.most.toFixed(3), "largest difference of a channel, of the whole range") : "", sizes ?? "", missingPicture(payload) ?? "");
  return (error) => overlay.replaceChildren(...(error?.box?.length === 4 ? [shape("rect", { ...rectangle(error.box), class: "error-place" })] : []));
}

function heatCanvas(data) {
  const canvas = element("canvas", { width: data.difference_width, height: data.difference_height });
  canvas.style.opacity = "0.85";
  const levels = bytesOf(data.difference);
  const shades = Array.from({ length: data.levels + 1 }, (_, level) => ramp(level / data.levels));
  paintMask(canvas, (i) => [0, shades[levels[i]], levels[i] ? 90 + (165 * levels[i]) / data.levels : 0], levels.length);
  return canvas;
}
