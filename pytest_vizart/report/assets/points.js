// Point clouds: truth and prediction side by side, seen from above; dragging turns both.
function drawPoints(parent, payload, cloud) {
  const xyz = new Uint16Array(bytesOf(cloud.xyz).buffer);
  const column = (text) => (text ? new Int16Array(bytesOf(text).buffer) : null);
  const truth = column(cloud.truth);
  const predicted = column(cloud.predicted);
  const view = { turn: 0, tilt: 0 };
  const panels = [["Truth", truth], ["Prediction", predicted]].filter(([, classes]) => classes);
  const canvases = panels.map(() => element("canvas", { width: 700, height: 700, role: "img", "aria-label": "point cloud from above" }));
  const redraw = () => panels.forEach(([, classes], i) => paintCloud(canvases[i], xyz, classes, truth, predicted, view));
  const note = element("div");
  const modes = { errors: "Correct / wrong", classes: "Classes" };
  const choose = (mode) => {
    preferred.points = mode;
    note.replaceChildren(cloudLegend(mode, cloud, truth, predicted));
    redraw();
  };
  const tools = element("div", { class: "tools" }, segments(modes, preferred.points, choose),
    element("button", { type: "button", onclick: () => { Object.assign(view, { turn: 0, tilt: 0 }); redraw(); } }, "From above"));
  for (const canvas of canvases) turnable(canvas, view, redraw);
  parent.append(tools, element("div", { class: "side-by-side" }, ...panels.map(([name], i) =>
    element("figure", {}, element("figcaption", {}, name), canvases[i]))), note);
}

function paintCloud(canvas, xyz, shown, truth, predicted, view) {
  const context = canvas.getContext("2d");
  const size = canvas.width;
  const errors = preferred.points === "errors" && truth && predicted;
  const place = projection(xyz, view, size);
  const calm = getComputedStyle(document.body).getPropertyValue("--same");
  context.clearRect(0, 0, size, size);
  const paint = (wrongOnes) => {
    for (let i = 0; i < shown.length; i += 1) {
      const wrong = errors && truth[i] >= 0 && truth[i] !== predicted[i];
      if (errors && wrong !== wrongOnes) continue;
      context.fillStyle = errors && !wrong ? calm : css(colour(shown[i]));
      const [x, y] = place(i);
      const side = wrong ? 4 : 2;
      context.fillRect(x - side / 2, y - side / 2, side, side);
    }
  };
  paint(false);
  if (errors) paint(true); // last, so that no correct point hides them
}

function projection(xyz, view, size) {
  const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  for (let i = 0; i < xyz.length; i += 1) {
    low[i % 3] = Math.min(low[i % 3], xyz[i]);
    high[i % 3] = Math.max(high[i % 3], xyz[i]);
  }
  const centre = low.map((value, axis) => (value + high[axis]) / 2);
  const reach = Math.max(...high.map((value, axis) => value - low[axis]), 1);
  const scale = (0.92 * size) / (reach * (view.turn || view.tilt ? 1.25 : 1));
  const [ct, st, cp, sp] = [Math.cos(view.turn), Math.sin(view.turn), Math.cos(view.tilt), Math.sin(view.tilt)];
  return (i) => {
    const [x, y, z] = [0, 1, 2].map((axis) => xyz[3 * i + axis] - centre[axis]);
    const depth = x * st + y * ct;
    return [size / 2 + (x * ct - y * st) * scale, size / 2 - (depth * cp + z * sp) * scale];
  };
}

function turnable(canvas, view, redraw) {
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    view.turn += event.movementX * 0.008;
    view.tilt = Math.max(0, Math.min(Math.PI / 2, view.tilt + event.movementY * 0.008));
    requestAnimationFrame(redraw);
  });
}

function cloudLegend(mode, cloud, truth, predicted) {
  const size = [{}, `${cloud.count.toLocaleString("en")} points, ${cloud.span_m.toFixed(1)} m across; drag to turn`];
  if (mode === "errors" && truth && predicted) {
    const confused = new Set();
    truth.forEach((index, i) => { if (index >= 0 && index !== predicted[i]) confused.add(index).add(predicted[i]); });
    const labelled = truth.reduce((sum, index) => sum + (index >= 0), 0);
    const wrong = truth.reduce((sum, index, i) => sum + (index >= 0 && index !== predicted[i]), 0);
    return legend([{ rgb: IGNORED }, "correct"],
      [{}, `wrong: ${wrong.toLocaleString("en")} of ${labelled.toLocaleString("en")}, large, in the colour of their class:`],
      ...classEntries(confused, cloud), size);
  }
  return legend(...classEntries(new Set([...(truth ?? []), ...(predicted ?? [])]), cloud), size);
}

function classEntries(indices, cloud) {
  return [...indices].sort((a, b) => a - b).slice(0, 16)
    .map((index) => [{ rgb: colour(index) }, index < 0 ? "unlabeled" : cloud.classes[index] ?? String(index)]);
}
