// What all drawings share. One function for each task draws a case into a parent element: `payload` is what
// view_cases.py packed, `data` its drawing. It returns how an error of the list is highlighted, if it can be.
const BOTH = { both: "Both", truth: "Truth", predicted: "Prediction" };
const PALETTE = [
  [46, 134, 222], [230, 126, 34], [39, 174, 96], [155, 89, 182], [241, 196, 15], [26, 188, 156],
  [231, 76, 160], [120, 144, 70], [93, 109, 200], [200, 110, 90], [90, 190, 230], [160, 130, 60],
];
const WRONG = [235, 60, 50];
const IGNORED = [128, 128, 128];
// Each kind of error has a dash of its own too: nothing is told by colour alone.
const KIND_STYLE = {
  Miss: { stroke: "#ff4d4d", dash: "" }, Cls: { stroke: "#ff6fd6", dash: "11 4" }, Loc: { stroke: "#ffd53d", dash: "5 3" },
  Both: { stroke: "#c79bff", dash: "11 3 3 3" }, Dupe: { stroke: "#4be3d6", dash: "2 4" },
  Bkg: { stroke: "#ff7b47", dash: "7 4" }, "label-suspect": { stroke: "#c8f04b", dash: "1 3" },
};
const RAMP = [[72, 110, 205], [50, 180, 175], [245, 214, 60], [238, 120, 40], [215, 40, 50]];
const colour = (index) => (index < 0 ? IGNORED : PALETTE[index % PALETTE.length]);
const css = (rgb) => `rgb(${rgb.join(",")})`;
const preferred = { mode: "both", semantic: "difference", points: "errors", image: "difference", text: "both" };

const DRAW = {
  classes: drawClasses, boxes: drawObjects, oriented_boxes: drawObjects, instances: drawObjects, keypoints: drawObjects,
  semantic: drawMask, panoptic: drawMask, points: drawPoints, boxes_3d: drawCuboids, cloud: drawCloud,
  image: drawDifference, text: drawText, array: drawArray,
};

function ramp(share) {
  const at = Math.max(0, Math.min(1, share)) * (RAMP.length - 1);
  const low = Math.min(Math.floor(at), RAMP.length - 2);
  return RAMP[low].map((value, i) => Math.round(value + (RAMP[low + 1][i] - value) * (at - low)));
}

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
    if (swatch.kind) return element("li", {}, kindLine(swatch.kind), text);
    if (!swatch.line && !swatch.rgb) return element("li", {}, text);
    const sign = element("span", { class: swatch.line ? `line ${swatch.line}` : `swatch ${swatch.hatch ?? ""}`, "aria-hidden": "true" });
    if (swatch.rgb) sign.style.color = sign.style.background = css(swatch.rgb);
    return element("li", {}, sign, text);
  }));
}

function kindLine(kind) {
  const { stroke, dash } = KIND_STYLE[kind];
  return shape("svg", { class: "kind-line", viewBox: "0 0 30 6", "aria-hidden": "true" },
    shape("path", { d: "M0 3H30", stroke: "#0009", "stroke-width": 5.5 }),
    shape("path", { d: "M0 3H30", stroke, "stroke-width": 3.5, "stroke-dasharray": dash || null }));
}

function rampLegend(low, high, text) {
  const bar = element("span", { class: "ramp", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(90deg, ${RAMP.map(css).join(",")})`;
  return element("p", { class: "case-legend" }, element("span", {}, low, bar, high), element("span", {}, text));
}

function chooser(label, names, choose) {
  const select = element("select", { "aria-label": label }, ...names.map((name, i) => element("option", { value: i }, name)));
  select.addEventListener("input", () => choose(Number(select.value)));
  return element("label", {}, label, select);
}

function drawInput(parent, payload) {
  if (payload.image) {
    const box = frame(payload.image.width, payload.image.height);
    box.append(picture(payload.image));
    parent.append(box);
  } else parent.append(missingPicture(payload) ?? "");
}
