// The errors of one case: a list in which hovering, focus or a click highlights one of them in the drawing.
const SIMILARITY = { keypoints: "OKS", boxes_3d: "closeness" };

function errorList(payload, highlight) {
  const errors = payload?.errors ?? [];
  if (!errors.length) return null;
  let pinned = null;
  const rows = errors.map((error) => errorRow(error, SIMILARITY[payload.task] ?? "IoU"));
  const pin = (at) => {
    pinned = at === pinned ? null : at;
    rows.forEach((row, i) => row.setAttribute("aria-pressed", String(i === pinned)));
    highlight(pinned === null ? null : errors[pinned]);
  };
  rows.forEach((row, i) => {
    const show = () => highlight(errors[i]);
    const leave = () => highlight(pinned === null ? null : errors[pinned]);
    for (const name of ["pointerenter", "focus"]) row.addEventListener(name, show);
    for (const name of ["pointerleave", "blur"]) row.addEventListener(name, leave);
    row.addEventListener("click", () => pin(i));
  });
  const words = `${errors.length >= 100 ? "The worst " : ""}${errors.length} ${errors.length === 1 ? "error" : "errors, worst first"}`;
  const list = element("section", { class: "case-errors" }, element("h4", {}, words),
    element("ol", {}, ...rows.map((row) => element("li", {}, row))));
  list.pick = (side, at) => {
    const found = errors.findIndex((error) => error[`${side}_at`] === at);
    if (found >= 0 && found !== pinned) pin(found);
    if (found >= 0) rows[found].scrollIntoView({ block: "nearest" });
  };
  return list;
}

function errorRow(error, similarity) {
  const figures = [];
  if (error.score !== undefined) figures.push(`score ${error.score.toFixed(2)}`);
  if (error.overlap !== undefined) figures.push(`${similarity} ${error.overlap.toFixed(2)}`);
  return element("button", { type: "button", class: "error-row", "aria-pressed": "false" },
    element("span", { class: "pill tone-fail", title: meaningOf(error.kind) }, KIND_STYLE[error.kind] ? kindLine(error.kind) : "", error.kind),
    element("span", { class: "error-words" }, element("strong", {}, classesOf(error)), figures.length ? ` ${figures.join(" · ")}` : "",
      error.note ? element("span", { class: "muted" }, ` ${error.note}`) : ""),
    severityMark(error.severity));
}

function classesOf({ kind, truth, predicted }) {
  if (truth !== undefined && predicted !== undefined) return truth === predicted ? truth : `${truth} → ${predicted}`;
  if (kind === "confused") return `${truth ?? "nothing"} → ${predicted ?? "nothing"}`;
  return truth ?? predicted ?? "";
}

function severityWord(severity) {
  if (severity === null || severity === undefined) return "none";
  return severity >= 0.66 ? "high" : severity >= 0.33 ? "medium" : "low";
}

const DOTS = { high: "●●●", medium: "●●○", low: "●○○" };

function severityMark(severity) {
  const word = severityWord(severity);
  if (word === "none") return null;
  const label = `severity ${severity.toFixed(2)}, ${word}`;
  return element("span", { class: `severity ${word}`, title: label, role: "img", "aria-label": label }, DOTS[word]);
}
