// The chosen case: its picture, its errors, its facts.
const unpackedChunks = new Map();

async function payloadOf(i) {
  const place = index.place[i];
  if (place === null) return null;
  const scripts = [...document.querySelectorAll("script.chunk")];
  const script = scripts.findLast((candidate) => Number(candidate.dataset.first) <= place);
  if (!unpackedChunks.has(script)) unpackedChunks.set(script, unpacked(script.textContent).then(JSON.parse));
  return (await unpackedChunks.get(script))[place - Number(script.dataset.first)];
}

async function showCase(i) {
  const view = byId("case-view");
  if (i === null) {
    view.replaceChildren(element("p", { class: "muted" }, "No case matches these filters."));
    return;
  }
  const body = element("div");
  const head = caseHead(i);
  try {
    const payload = await payloadOf(i);
    if (chosen !== i) return;
    view.replaceChildren(...head, body);
    drawPayload(body, i, payload);
  } catch (error) {
    view.replaceChildren(...head, element("p", { class: "note" }, `This case cannot be drawn: ${error.message}`));
  }
}

function caseHead(i) {
  const score = index.score[i] === null ? "" : ` · score ${index.score[i].toFixed(3)}`;
  const severity = index.severity[i] === null ? "" : ` · severity ${index.severity[i].toFixed(2)}`;
  const at = shownCases.indexOf(i);
  return [
    element("div", { class: "case-nav" },
      element("button", { type: "button", "aria-label": "Previous case", disabled: at <= 0, onclick: () => stepCase(-1) }, "‹"),
      element("button", { type: "button", "aria-label": "Next case", disabled: at >= shownCases.length - 1, onclick: () => stepCase(1) }, "›")),
    element("h3", {}, index.sample_id[i]),
    element("p", { class: "case-meta" }, `${nameOf("stage", i)} · ${nameOf("task", i)} · ${nameOf("status", i)}${score}${severity}`),
    element("p", { class: "case-reason" }, errorPill(i), " ",
      index.newly_wrong[i] ? element("span", { class: "flip" }, "▼ newly wrong ") : null, index.reason[i]),
  ];
}

function drawPayload(body, i, payload) {
  const task = nameOf("task", i);
  let highlight = null;
  if (!payload) body.append(element("p", { class: "note" }, "The picture of this case was left out, to keep this file small."));
  else if (payload.drawing && Object.hasOwn(DRAW, task)) highlight = DRAW[task](body, { ...payload, task }, payload.drawing);
  else drawInput(body, payload);
  const list = errorList(payload && { ...payload, task }, highlight ?? (() => {}));
  if (list) {
    body.append(list);
    body.addEventListener("click", (event) => {
      const object = event.target.closest("[data-side]");
      if (object) list.pick(object.dataset.side, Number(object.dataset.at));
    });
  }
  const facts = [nameOf("test_id", i), payload?.path, payload?.tags?.length ? `tags: ${payload.tags.join(", ")}` : null];
  for (const fact of facts.filter(Boolean)) body.append(element("p", { class: "test-id" }, fact));
}
