// Start: keys, navigation, help. Everything above is only declared; this runs it.
const SECTIONS = ["verdicts", "stages", "accuracy", "trends", "cases"];

function goTo(section) {
  const target = byId(section);
  target.scrollIntoView({ block: "start" });
  target.focus({ preventScroll: true });
}

function inCases() {
  return byId("cases").getBoundingClientRect().top < innerHeight / 2;
}

function moveCase(by) {
  if (!total) return;
  stepCase(by);
  if (!inCases()) goTo("cases");
}

function pressMode(mode) {
  const button = byId("case-view")?.querySelector(`[data-mode="${mode}"]`);
  if (button) button.click();
}

const KEYS = {
  j: () => moveCase(1), ArrowRight: () => moveCase(1), k: () => moveCase(-1), ArrowLeft: () => moveCase(-1),
  t: () => pressMode("truth"), p: () => pressMode("predicted"),
  b: () => { pressMode("both"); pressMode("difference"); },
  "?": () => byId("help").showModal(),
  "/": () => { goTo("cases"); byId("filter-q")?.focus(); },
};
SECTIONS.forEach((section, i) => { KEYS[i + 1] = () => goTo(section); });

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") leaveField(event.target);
    return;
  }
  const inList = event.target.id === "case-list";
  if (inList && (event.key === "ArrowDown" || event.key === "ArrowUp")) stepCase(event.key === "ArrowDown" ? 1 : -1);
  else if (Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
  else return;
  event.preventDefault();
}

function leaveField(field) {
  if (field.id === "filter-q" && field.value) {
    field.value = "";
    field.dispatchEvent(new Event("input"));
  }
  field.blur();
}

function start() {
  document.addEventListener("keydown", onKey);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("trends-open")?.addEventListener("click", openTrends);
  setUpFlames();
  setUpTables();
  for (const link of document.querySelectorAll(".top nav a")) {
    link.addEventListener("click", (event) => { event.preventDefault(); goTo(link.hash.slice(1)); });
  }
  if (!total) return;
  const seen = { request: 0 };
  byId("case-list").addEventListener("scroll", () => {
    cancelAnimationFrame(seen.request);
    seen.request = requestAnimationFrame(drawRows);
  });
  setUpFilters();
  addEventListener("resize", drawRows);
  addEventListener("hashchange", () => {
    if (followHash()) byId("case-view").scrollIntoView({ block: "nearest" });
    else if (location.hash.includes("=")) goTo("cases");
  });
  if (followHash()) goTo("cases");
  // A link to the case that is shown already changes no hash: it has to go there all the same.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash && followHash()) goTo("cases");
  });
}

start();
