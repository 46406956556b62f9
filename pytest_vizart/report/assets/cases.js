// The case browser: filters, a list that holds only the rows on screen, and the picture of the chosen case.
const ROW = 56;
const index = embedded("cases-index");
const total = index.sample_id?.length ?? 0;
const nameOf = (column, i) => index[column].names[index[column].of[i]];
const FILTERS = { test: "test_id", stage: "stage", type: "error_type" };
const STATUSES = { "": "all", new: "newly wrong", wrong: "wrong", invalid: "invalid" };
const searchable = Array.from({ length: total }, (_, i) =>
  [index.sample_id[i], index.reason[i], nameOf("stage", i), nameOf("error_type", i), nameOf("test_id", i)].join("\n").toLowerCase());
let shownCases = [];
let chosen = null;

function setUpFilters() {
  for (const [key, column] of Object.entries(FILTERS)) {
    const counts = new Map();
    for (const number of index[column].of) counts.set(number, (counts.get(number) ?? 0) + 1);
    byId(`filter-${key}`).append(element("option", { value: "" }, `all (${total.toLocaleString("en")})`),
      ...index[column].names.map((name, number) => element("option", { value: name }, `${name} (${counts.get(number)})`)));
  }
  byId("filter-status").append(...Object.entries(STATUSES).map(([value, text]) => element("option", { value }, text)));
  for (const key of [...Object.keys(FILTERS), "status", "q"]) {
    byId(`filter-${key}`).addEventListener("input", (event) => {
      state.set({ [key]: event.target.value });
      applyFilters();
    });
  }
  byId("case-filters").addEventListener("submit", (event) => event.preventDefault());
}

function applyFilters() {
  const wanted = Object.entries(FILTERS)
    .filter(([key]) => state.get(key))
    .map(([key, column]) => [index[column].of, index[column].names.indexOf(state.get(key))]);
  const words = state.get("q").toLowerCase().split(/\s+/).filter(Boolean);
  const status = state.get("status");
  shownCases = [];
  for (let i = 0; i < total; i += 1) {
    if (wanted.every(([of, number]) => of[i] === number) && hasStatus(i, status) && words.every((word) => searchable[i].includes(word))) {
      shownCases.push(i);
    }
  }
  byId("case-count").textContent = shownCases.length === total
    ? `${total.toLocaleString("en")} ${total === 1 ? "case" : "cases"}`
    : `${shownCases.length.toLocaleString("en")} of ${total.toLocaleString("en")} cases`;
  byId("case-rows").style.height = `${shownCases.length * ROW}px`;
  if (!shownCases.includes(chosen)) chooseCase(shownCases[0] ?? null);
  else revealChosen();
  drawRows();
}

function hasStatus(i, status) {
  return !status || (status === "new" ? index.newly_wrong[i] === 1 : nameOf("status", i) === status);
}

function drawRows() {
  const list = byId("case-list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
  const last = Math.min(shownCases.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
  const rows = [];
  for (let at = first; at < last; at += 1) rows.push(caseRow(shownCases[at], at));
  byId("case-rows").replaceChildren(...rows);
  const selected = rows.find((row) => row.getAttribute("aria-selected") === "true");
  if (selected) list.setAttribute("aria-activedescendant", selected.id);
  else list.removeAttribute("aria-activedescendant");
}

function caseRow(i, at) {
  const row = element("div", {
    class: "case-row", role: "option", id: `case-row-${i}`, "aria-selected": String(i === chosen),
    "aria-setsize": shownCases.length, "aria-posinset": at + 1, title: index.sample_id[i], onclick: () => { chooseCase(i); drawRows(); },
  },
  element("div", {}, element("span", { class: "name" }, index.sample_id[i]),
    index.newly_wrong[i] ? element("span", { class: "flip" }, "▼ new") : null, errorPill(i)),
  element("div", { class: "why" }, element("span", { class: "why" }, `${nameOf("stage", i)}: ${index.reason[i] || nameOf("status", i)}`)));
  row.style.top = `${at * ROW}px`;
  return row;
}

function errorPill(i) {
  const invalid = nameOf("status", i) === "invalid";
  return element("span", { class: `pill ${invalid ? "tone-warn" : "tone-fail"}` },
    element("span", { "aria-hidden": "true" }, invalid ? "!" : "✕"), nameOf("error_type", i));
}

function chooseCase(i) {
  chosen = i;
  state.set({ case: i });
  revealChosen();
  showCase(i);
}

function revealChosen() {
  const list = byId("case-list");
  const top = shownCases.indexOf(chosen) * ROW;
  if (top < 0) return;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
}

function stepCase(by) {
  if (!shownCases.length) return;
  const at = shownCases.indexOf(chosen);
  const next = Math.max(0, Math.min(shownCases.length - 1, at + by));
  if (shownCases[next] !== chosen) chooseCase(shownCases[next]);
  drawRows();
}

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
  const at = shownCases.indexOf(i);
  return [
    element("div", { class: "case-nav" },
      element("button", { type: "button", "aria-label": "Previous case", disabled: at <= 0, onclick: () => stepCase(-1) }, "‹"),
      element("button", { type: "button", "aria-label": "Next case", disabled: at >= shownCases.length - 1, onclick: () => stepCase(1) }, "›")),
    element("h3", {}, index.sample_id[i]),
    element("p", { class: "case-meta" }, `${nameOf("stage", i)} · ${nameOf("task", i)} · ${nameOf("status", i)}${score}`),
    element("p", { class: "case-reason" }, errorPill(i), " ",
      index.newly_wrong[i] ? element("span", { class: "flip" }, "▼ newly wrong ") : null, index.reason[i]),
  ];
}

function drawPayload(body, i, payload) {
  const draw = DRAW[nameOf("task", i)];
  if (!payload) body.append(element("p", { class: "note" }, "The picture of this case was left out, to keep this file small."));
  else if (payload.drawing && draw) draw(body, payload, payload.drawing);
  else drawInput(body, payload);
  const facts = [nameOf("test_id", i), payload?.path, payload?.tags?.length ? `tags: ${payload.tags.join(", ")}` : null];
  for (const fact of facts.filter(Boolean)) body.append(element("p", { class: "test-id" }, fact));
}

function followHash() {
  state.read();
  for (const key of [...Object.keys(FILTERS), "status", "q"]) byId(`filter-${key}`).value = state.get(key);
  const asked = state.get("case");
  if (/^\d+$/.test(asked) && Number(asked) < total) chosen = Number(asked);
  applyFilters();
  if (chosen !== null) showCase(chosen);
  return asked !== "";
}
