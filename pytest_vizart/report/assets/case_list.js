// The list of cases: filters, orders, and only the rows on screen.
const ROW = 56;
const index = embedded("cases-index");
const total = index.sample_id?.length ?? 0;
const nameOf = (column, i) => index[column].names[index[column].of[i]];
const FILTERS = { test: "test_id", stage: "stage", type: "kinds" };
const STATUSES = { "": "all", new: "newly wrong", wrong: "wrong", invalid: "invalid" };
const SEVERITIES = { "": "all", high: "high, .66 or more", medium: "medium", low: "low, under .33", none: "not rated" };
const SORTS = { "": "newly wrong first", severity: "most severe first", score: "lowest score first", sample: "by sample" };
const FIELDS = [...Object.keys(FILTERS), "status", "severity", "sort", "q"];
const kindsOf = (i) => index.kinds.of[i].map((number) => index.kinds.names[number]);
const searchable = Array.from({ length: total }, (_, i) =>
  [index.sample_id[i], index.reason[i], nameOf("stage", i), ...kindsOf(i), nameOf("test_id", i)].join("\n").toLowerCase());
const orders = new Map();
let shownCases = [];
let chosen = null;

function meaningOf(kind) {
  return index.kinds?.meanings[index.kinds.names.indexOf(kind)] || null;
}

function setUpFilters() {
  for (const [key, column] of Object.entries(FILTERS)) {
    const counts = new Map();
    for (const number of index[column].of.flat()) counts.set(number, (counts.get(number) ?? 0) + 1);
    byId(`filter-${key}`).append(element("option", { value: "" }, `all (${total.toLocaleString("en")})`),
      ...index[column].names.map((name, number) => element("option", { value: name }, `${name} (${(counts.get(number) ?? 0).toLocaleString("en")})`)));
  }
  for (const [key, options] of Object.entries({ status: STATUSES, severity: SEVERITIES, sort: SORTS })) {
    byId(`filter-${key}`).append(...Object.entries(options).map(([value, text]) => element("option", { value }, text)));
  }
  for (const key of FIELDS) {
    byId(`filter-${key}`).addEventListener("input", (event) => {
      state.set({ [key]: event.target.value });
      applyFilters();
    });
  }
  byId("case-filters").addEventListener("submit", (event) => event.preventDefault());
}

function orderOf(sort) {
  if (!orders.has(sort)) orders.set(sort, sorted(sort, Array.from({ length: total }, (_, i) => i)));
  return orders.get(sort);
}

function sorted(sort, cases) {
  const high = (column) => (i) => column[i] ?? -1;
  const low = (column) => (i) => column[i] ?? Infinity;
  if (sort === "severity") return cases.sort((a, b) => high(index.severity)(b) - high(index.severity)(a));
  if (sort === "score") return cases.sort((a, b) => compared(low(index.score)(a), low(index.score)(b)));
  if (sort === "sample") return cases.sort((a, b) => compared(index.sample_id[a], index.sample_id[b]));
  return cases;
}

function applyFilters() {
  const wanted = Object.entries(FILTERS)
    .filter(([key]) => state.get(key))
    .map(([key, column]) => [index[column].of, index[column].names.indexOf(state.get(key))]);
  const words = state.get("q").toLowerCase().split(/\s+/).filter(Boolean);
  const status = state.get("status");
  const severity = state.get("severity");
  shownCases = orderOf(state.get("sort")).filter((i) =>
    wanted.every(([of, number]) => (Array.isArray(of[i]) ? of[i].includes(number) : of[i] === number))
    && hasStatus(i, status) && (!severity || severityWord(index.severity[i]) === severity)
    && words.every((word) => searchable[i].includes(word)));
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
  element("div", { class: "why" }, element("span", { class: "why" }, `${nameOf("stage", i)}: ${index.reason[i] || nameOf("status", i)}`),
    severityMark(index.severity[i])));
  row.style.top = `${at * ROW}px`;
  return row;
}

function errorPill(i) {
  const invalid = nameOf("status", i) === "invalid";
  const more = index.kinds.of[i].length - 1;
  return element("span", { class: `pill ${invalid ? "tone-warn" : "tone-fail"}`, title: kindsOf(i).join(", ") },
    element("span", { "aria-hidden": "true" }, invalid ? "!" : "✕"), nameOf("error_type", i) + (more ? ` +${more}` : ""));
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

function followHash() {
  state.read();
  for (const key of FIELDS) byId(`filter-${key}`).value = state.get(key);
  const asked = state.get("case");
  if (/^\d+$/.test(asked) && Number(asked) < total) chosen = Number(asked);
  applyFilters();
  if (chosen !== null) showCase(chosen);
  return asked !== "";
}
