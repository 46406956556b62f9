// Tables that are sorted by their heads and unfolded by a button, and the choice of a curve.
const FOLDED_ROWS = 12;

function sortKey(row, at) {
  const text = row.cells[at].textContent;
  if (at === 0) return text.toLowerCase();
  const number = Number(text.replaceAll(",", ""));
  return text === "" || Number.isNaN(number) ? null : number;
}

function compared(a, b) {
  if (a === null || b === null) return (a === null) - (b === null); // what is not defined comes last, either way
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortTable(table, at, upwards) {
  const body = table.tBodies[0];
  const keyed = [...body.rows].filter((row) => !row.classList.contains("whole")).map((row) => [sortKey(row, at), row]);
  keyed.sort(([a], [b]) => (a === null || b === null || upwards ? compared(a, b) : compared(b, a)));
  body.append(...keyed.map(([, row]) => row));
  for (const [i, head] of [...table.tHead.rows[0].cells].entries()) {
    if (i === at) head.setAttribute("aria-sort", upwards ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  }
}

function setUpTable(table) {
  for (const [at, head] of [...table.tHead.rows[0].cells].entries()) {
    // Worst first at the first click: low where higher is better, high where lower is; of counts the largest.
    const first = at === 0 || head.dataset.arrow === "↑";
    const button = element("button", { type: "button", class: "sort" });
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      sortTable(table, at, now === null ? first : now === "descending");
    });
    head.append(button);
  }
  if (!table.classList.contains("folded")) return;
  const rows = table.tBodies[0].rows.length;
  const unfold = element("button", { type: "button", class: "unfold" }, `Show all ${rows.toLocaleString("en")} rows`);
  unfold.addEventListener("click", () => {
    const folded = table.classList.toggle("folded");
    unfold.textContent = folded ? `Show all ${rows.toLocaleString("en")} rows` : `Show ${FOLDED_ROWS} rows`;
  });
  table.parentElement.after(unfold);
}

async function showCurve(choice) {
  const fold = choice.closest(".curves");
  const paths = JSON.parse(await unpacked(byId(choice.dataset.curves).textContent));
  for (const figure of fold.querySelectorAll("[data-kind]")) {
    figure.querySelector(".curve-line").setAttribute("d", paths[figure.dataset.kind][Number(choice.value)]);
  }
}

function setUpTables() {
  document.querySelectorAll("table.sortable").forEach(setUpTable);
  for (const choice of document.querySelectorAll("select[data-curves]")) {
    choice.addEventListener("input", () => showCurve(choice));
  }
}
