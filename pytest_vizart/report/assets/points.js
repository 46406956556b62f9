// Point clouds and cuboids, truth beside prediction.
const themed = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

function drawPoints(parent, payload, cloud) {
  const xyz = metresOf(cloud.xyz, cloud);
  const [truth, predicted] = [cloud.truth, cloud.predicted].map((text) => (text ? new Int16Array(bytesOf(text).buffer) : null));
  const space = new Space([xyz]);
  const panels = [["Truth", truth], ["Prediction", predicted]].filter(([, classes]) => classes);
  const canvases = panels.map(() => sceneCanvas("point cloud from above"));
  let lit = null;
  const redraw = () => panels.forEach(([, classes], i) => paintPoints(canvases[i], { xyz, shown: classes, truth, predicted, space, lit, classes: cloud.classes }));
  const note = element("div");
  const choose = (mode) => {
    preferred.points = mode;
    note.replaceChildren(pointsLegend(mode, cloud, truth, predicted));
    redraw();
  };
  const tools = element("div", { class: "tools" }, segments({ errors: "Correct / wrong", classes: "Classes" }, preferred.points, choose), space.backButton(redraw));
  for (const canvas of canvases) space.turnable(canvas, redraw);
  parent.append(tools, sideBySide(panels.map(([name], i) => [name, canvases[i]])), note);
  return (error) => { lit = error; redraw(); };
}

function sideBySide(panels) {
  return element("div", { class: "side-by-side" }, ...panels.map(([name, canvas]) =>
    element("figure", {}, element("figcaption", {}, name), canvas)));
}

function paintPoints(canvas, { xyz, shown, truth, predicted, space, lit, classes }) {
  const context = canvas.getContext("2d");
  const errors = preferred.points === "errors" && truth && predicted;
  const place = space.projection(canvas.width);
  const calm = themed("--same");
  const pair = lit && !lit.box ? pairOf(lit, classes) : null;
  const wanted = (i) => (pair ? truth[i] === pair[0] && predicted?.[i] === pair[1] : truth[i] >= 0 && truth[i] !== predicted[i]);
  context.clearRect(0, 0, canvas.width, canvas.width);
  const paint = (wrongOnes) => {
    for (let i = 0; i < shown.length; i += 1) {
      const wrong = (errors || pair) && wanted(i);
      if ((errors || pair) && wrong !== wrongOnes) continue;
      context.fillStyle = (errors || pair) && !wrong ? calm : css(colour(shown[i]));
      const [x, y] = place(xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]);
      const side = wrong ? 4 : 2;
      context.fillRect(x - side / 2, y - side / 2, side, side);
    }
  };
  paint(false);
  if (errors || pair) paint(true); // last, so that no correct point hides them
  if (lit?.box?.length === 6) wire(context, place, boxCorners(lit.box), { stroke: "#ffd53d", width: 4 });
}

function pointsLegend(mode, cloud, truth, predicted) {
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

// The predicted cloud in the colours of its distance from the true one; what is far is larger, too.
function drawCloud(parent, payload, cloud) {
  const truth = metresOf(cloud.xyz, cloud);
  const predicted = metresOf(cloud.others, cloud);
  const distance = cloud.distance_mm ? new Uint16Array(bytesOf(cloud.distance_mm).buffer) : null;
  const space = new Space([truth, predicted]);
  const share = (i) => (cloud.scale_mm > 0 ? distance[i] / cloud.scale_mm : Number(distance[i] > 0));
  const panels = [["Truth", truth, null], ["Prediction, by distance from the truth", predicted, distance]].filter(([, xyz]) => xyz.length);
  const canvases = panels.map(() => sceneCanvas("point cloud from above"));
  let lit = null;
  const redraw = () => panels.forEach(([, xyz, distances], at) => {
    const context = canvases[at].getContext("2d");
    const place = space.projection(canvases[at].width);
    context.clearRect(0, 0, canvases[at].width, canvases[at].width);
    context.fillStyle = themed("--same");
    for (let i = 0; 3 * i < xyz.length; i += 1) {
      if (distances) context.fillStyle = css(ramp(share(i)));
      const [x, y] = place(xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]);
      const side = distances ? 2 + 3 * Math.min(1, share(i)) : 2;
      context.fillRect(x - side / 2, y - side / 2, side, side);
    }
    if (lit?.box?.length === 6) wire(context, place, boxCorners(lit.box), { stroke: "#ff3da5", width: 4 });
  });
  for (const canvas of canvases) space.turnable(canvas, redraw);
  const counts = `${(truth.length / 3).toLocaleString("en")} true and ${(predicted.length / 3).toLocaleString("en")} predicted points drawn, ${cloud.span_m.toFixed(1)} m across; drag to turn`;
  parent.append(element("div", { class: "tools" }, space.backButton(redraw)),
    sideBySide(panels.map(([name], i) => [name, canvases[i]])),
    distance ? rampLegend("0", metresText(cloud.scale_mm), `distance; the farthest ${metresText(cloud.farthest_mm)}`) : "", legend([{}, counts]));
  redraw();
  return (error) => { lit = error; redraw(); };
}

function metresText(mm) {
  return mm >= 65535 ? "65 m or more" : mm >= 1000 ? `${(mm / 1000).toFixed(2)} m` : `${mm.toFixed(mm < 10 ? 1 : 0)} mm`;
}

// Cuboids of both sides over the points, where there are any.
function drawCuboids(parent, payload, data) {
  const { truth, predicted, cloud } = data;
  const xyz = cloud ? metresOf(cloud.xyz, cloud) : new Float32Array(0);
  const corners = { truth: truth.boxes.map(cuboidCorners), predicted: predicted.boxes.map(cuboidCorners) };
  const space = new Space([xyz], [...corners.truth, ...corners.predicted].flat());
  const canvas = sceneCanvas("cuboids from above");
  const scored = predicted.scores.some((score) => score !== null);
  let least = scored ? predicted.threshold ?? 0 : 0;
  let lit = null;
  const redraw = () => {
    const context = canvas.getContext("2d");
    const place = space.projection(canvas.width);
    context.clearRect(0, 0, canvas.width, canvas.width);
    context.fillStyle = "#8a95a3"; // this canvas is dark in both themes, as photographs are
    for (let i = 0; 3 * i < xyz.length; i += 1) {
      const [x, y] = place(xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]);
      context.fillRect(x - 1, y - 1, 2, 2);
    }
    for (const kind of ["truth", "predicted"]) {
      if (preferred.mode !== "both" && preferred.mode !== kind) continue;
      data[kind].boxes.forEach((_, i) => {
        if (kind === "truth" || (predicted.scores[i] ?? 1) >= least) paintCuboid(context, place, data[kind], kind, i, corners[kind][i], lit);
      });
    }
    if (lit?.box?.length === 6) wire(context, place, boxCorners(lit.box), { stroke: "#ffffff", width: 1.5, dash: "2 3" });
  };
  space.turnable(canvas, redraw);
  const tools = element("div", { class: "tools" }, segments(BOTH, preferred.mode, (mode) => { preferred.mode = mode; redraw(); }), space.backButton(redraw));
  if (scored) tools.append(slider("score at least", { min: 0, max: 1, step: 0.01, value: least }, (value) => { least = value; redraw(); }));
  parent.append(tools, element("div", { class: "side-by-side single" }, canvas), objectsLegend(data),
    legend([{}, `${space.reach.toFixed(1)} m across, the line from the middle is the heading; drag to turn`]));
  new ResizeObserver(redraw).observe(canvas);
  return (error) => { lit = error; redraw(); };
}

function paintCuboid(context, place, side, kind, i, corners, lit) {
  const fate = fateOf(side, kind, i, side.threshold);
  const isLit = lit !== null && lit[`${kind}_at`] === i;
  context.globalAlpha = lit === null || isLit ? 1 : 0.3;
  const stroke = fate.style?.stroke ?? (fate.look ? "#9aa4b1" : kind === "truth" ? "#4aa3ff" : "#ff8a2a");
  const dash = fate.style?.dash ?? (kind === "truth" ? "" : "7 4");
  wire(context, place, corners, { stroke, dash, width: isLit ? 6 : fate.odd ? 4 : 2.5 });
  const [x, y, z, length, , , yaw] = side.boxes[i];
  context.beginPath();
  context.moveTo(...place(x, y, z));
  context.lineTo(...place(x + Math.cos(yaw) * length * 0.75, y + Math.sin(yaw) * length * 0.75, z));
  context.stroke();
  const score = side.scores[i] === null ? "" : ` ${side.scores[i].toFixed(2)}`;
  const at = place(...corners[kind === "truth" ? 4 : 6]);
  if (fate.odd || side.boxes.length <= 12) sceneText(context, `${fate.word ? `${fate.word} ` : ""}${side.labels[i] ?? ""}${score}`, at, stroke);
  context.globalAlpha = 1;
}
