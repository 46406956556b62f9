// Classes in words, texts with their edits, numbers in a table.
function drawClasses(parent, payload, { truth, predicted }) {
  const score = predicted.score === null || predicted.score === undefined ? "" : ` (${Number(predicted.score).toFixed(2)})`;
  parent.append(element("p", { class: "verdict-words" },
    "expected ", element("strong", { class: "truth" }, truth.label ?? "nothing"),
    ", predicted ", element("strong", { class: "predicted" }, (predicted.label ?? "nothing") + score)));
  drawInput(parent, payload);
}

// Blanks and ends of lines that were edited must be seen.
const visible = (text) => text.replaceAll("\n", "⏎\n").replaceAll("\t", "⇥").replaceAll(" ", "␣");

function drawText(parent, payload, { truth, predicted, spans, offset }) {
  const block = element("pre", { class: "text-diff", dir: "auto" });
  const show = (mode) => {
    preferred.text = mode;
    block.replaceChildren(...(spans ?? [["equal", truth, truth]]).flatMap(([operation, expected, found]) => textPieces(mode, operation, expected, found)));
  };
  const modes = spans ? BOTH : { truth: "Truth" };
  parent.append(element("div", { class: "tools" }, segments(modes, spans ? preferred.text : "truth", show)));
  if (offset) parent.append(element("p", { class: "muted small" }, `from character ${offset.toLocaleString("en")} on`));
  parent.append(block, element("p", { class: "case-legend" }, element("span", {}, element("del", {}, "struck out"), " expected, not found"),
    element("span", {}, element("ins", {}, "underlined"), " found, not expected")));
  drawInput(parent, payload);
}

function textPieces(mode, operation, expected, found) {
  if (operation === "equal") return [expected];
  const pieces = [];
  if (expected && mode !== "predicted") pieces.push(element("del", {}, visible(expected)));
  if (found && mode !== "truth") pieces.push(element("ins", {}, visible(found)));
  return pieces;
}

function drawArray(parent, payload, { arrays, rows }) {
  if (arrays.length) {
    parent.append(element("p", { class: "muted small" }, arrays.map(([name, type, size]) => `${name || "array"}: ${type}, ${size}`).join(" · ")));
  }
  if (rows) {
    const head = ["array", "place", "expected", "found", "difference"].map((name) => element("th", { scope: "col" }, name));
    const body = rows.map(([name, ...cells]) => element("tr", {}, element("th", { scope: "row" }, name || "array"), ...cells.map((cell) => element("td", {}, cell))));
    parent.append(element("div", { class: "scroll" }, element("table", { class: "numbers values" },
      element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body))));
    if (rows.length >= 50) parent.append(element("p", { class: "muted small" }, "The 50 worst values."));
  }
  drawInput(parent, payload);
}
