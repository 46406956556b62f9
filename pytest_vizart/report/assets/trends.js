// The interactive chart: Plotly is unpacked and run only when somebody asks for it.
const KINDS = { wall: "wall time", accuracy: "accuracy", memory: "memory", cpu: "CPU time" };
// Plotly reads a small set of tags and entities in every text.
const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("%{", "% {");

async function openTrends() {
  const button = byId("trends-open");
  const status = byId("trends-status");
  button.disabled = true;
  status.textContent = "unpacking …";
  try {
    if (!window.Plotly) {
      // The policy of this page knows the script's digest: nothing else could run here.
      document.head.append(element("script", {}, await unpacked(byId("plotly-bundle").textContent)));
    }
    const data = embedded("trends-data");
    byId("trends-panel").hidden = false;
    byId("trends-test").append(...data.tests.map((test, i) => element("option", { value: i }, test.test_id)));
    byId("trends-test").addEventListener("input", () => { fillKinds(data); plotTrends(data); });
    byId("trends-kind").addEventListener("input", () => plotTrends(data));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plotTrends(data));
    fillKinds(data);
    plotTrends(data);
    status.textContent = data.note;
    button.hidden = true;
  } catch (error) {
    status.textContent = `The interactive chart cannot be shown: ${error.message}`;
    button.disabled = false;
  }
}

function fillKinds(data) {
  const test = data.tests[Number(byId("trends-test").value)];
  const present = new Set(test.series.map((series) => series.kind));
  const kinds = Object.entries(KINDS).filter(([kind]) => present.has(kind));
  byId("trends-kind").replaceChildren(...kinds.map(([value, text]) => element("option", { value }, text)));
}

function plotTrends(data) {
  const test = data.tests[Number(byId("trends-test").value)];
  const kind = byId("trends-kind").value;
  const series = test.series.filter((one) => one.kind === kind);
  const theme = getComputedStyle(document.documentElement);
  const [text, line, fail] = ["--text", "--line", "--fail"].map((name) => theme.getPropertyValue(name).trim());
  const labels = test.commit.map((commit, i) => plain(`${commit} ${test.status[i]}${test.present[i] ? ", this run" : ""}`));
  const traces = series.map((one) => ({
    type: "scatter", mode: "lines+markers", name: plain(one.stage), text: labels,
    x: test.started_ms.map((ms) => new Date(ms)), y: one.values,
    marker: {
      size: test.present.map((present) => (present ? 11 : 6)),
      symbol: test.status.map((status) => (status === "passed" ? "circle" : "x")),
    },
    hovertemplate: `%{y:.4g} ${one.unit}<br>%{x|%Y-%m-%d %H:%M}<br>%{text}`,
  }));
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line };
  window.Plotly.react(byId("trends-plot"), traces, {
    margin: { l: 56, r: 12, t: 12, b: 40 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    font: { color: text }, xaxis: axis, hovermode: "closest",
    yaxis: { ...axis, title: { text: series[0]?.unit ? `${KINDS[kind]}, ${series[0].unit}` : KINDS[kind] }, rangemode: kind === "accuracy" ? "normal" : "tozero" },
    showlegend: true, legend: { orientation: "h", y: -0.15 }, colorway: PALETTE.map(css), modebar: { color: text, activecolor: fail, bgcolor: "transparent" },
  }, { displaylogo: false, responsive: true, modeBarButtons: [["toImage", "zoom2d", "pan2d", "autoScale2d"]] });
}
