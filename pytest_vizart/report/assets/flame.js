// The function profile: callers above, what they call below, as wide as the time it took. Drawn when it is opened.
const FLAME_ROW = 21;
const LEAST_WIDTH = 0.0012; // of what is shown; thinner ones appear when one looks closer
const LEAST_TEXT_PX = 28;

async function openFlame(fold) {
  if (!fold.open || fold.dataset.drawn) return;
  fold.dataset.drawn = "yes";
  const place = fold.querySelector(".flame-place");
  try {
    new Flame(place, JSON.parse(await unpacked(byId(fold.dataset.flame).textContent)));
  } catch (error) {
    place.replaceChildren(element("p", { class: "note" }, `The functions cannot be drawn: ${error.message}`));
  }
}

class Flame {
  constructor(place, data) {
    this.data = data;
    this.shown = 0; // the node that fills the width
    this.current = 0; // the node that has the focus
    this.found = null;
    this.levels = [];
    this.calls = data.name.map(() => []);
    data.parent.forEach((parent, node) => {
      this.levels.push(parent === null ? 0 : this.levels[parent] + 1);
      if (parent !== null) this.calls[parent].push(node);
    });
    for (const calls of this.calls) calls.sort((a, b) => data.start[a] - data.start[b]);
    this.build(place);
    this.draw();
    this.tell(0);
  }

  build(place) {
    this.tree = element("div", { class: "flame", role: "tree", "aria-label": "Functions by time" });
    this.line = element("p", { class: "flame-line", "aria-live": "off" });
    this.back = element("button", { type: "button", onclick: () => this.zoom(0) }, "Show all");
    this.search = element("input", { type: "search", placeholder: "function or file", "aria-label": "Search functions", autocomplete: "off", spellcheck: "false" });
    this.count = element("span", { class: "muted small", role: "status" });
    const packages = this.data.packages.map(([name, share], i) =>
      element("span", {}, element("span", { class: `swatch hue-${i}` }), `${name} ${percentOf(share)}`));
    if (packages.length) packages.unshift(element("span", {}, "time in functions of"));
    place.replaceChildren(
      element("div", { class: "tools" }, this.search, this.count, this.back),
      packages.length ? element("p", { class: "flame-legend legend" }, ...packages) : "",
      element("div", { class: "flame-scroll" }, this.tree), this.line,
      element("p", { class: "muted small" }, "Click or Enter looks closer, Esc goes back, arrows walk through callers and calls."));
    this.search.addEventListener("input", () => this.find(this.search.value));
    this.search.addEventListener("keydown", (event) => this.onSearchKey(event));
    this.tree.addEventListener("click", (event) => this.onPointer(event, (node) => { this.current = node; this.zoom(node === this.shown ? this.data.parent[node] ?? 0 : node); }));
    this.tree.addEventListener("pointerover", (event) => this.onPointer(event, (node) => this.tell(node)));
    this.tree.addEventListener("pointerleave", () => this.tell(this.current));
    this.tree.addEventListener("focusin", (event) => this.onPointer(event, (node) => { this.current = node; this.tell(node); }));
    this.tree.addEventListener("keydown", (event) => this.onKey(event));
  }

  onPointer(event, act) {
    const node = event.target.closest("[data-node]");
    if (node) act(Number(node.dataset.node));
  }

  // The node in focus may be out of sight: then the nearest caller in sight stands for it.
  draw(focus = false) {
    const { data } = this;
    const callers = this.callersOf(this.shown);
    const drawn = [...callers, ...this.inSight(this.shown)];
    const seen = new Set(drawn);
    while (!seen.has(this.current)) this.current = data.parent[this.current] ?? this.shown;
    this.tree.replaceChildren(...drawn.map((node) => this.node(node, callers.includes(node))));
    this.tree.style.height = `${(Math.max(...drawn.map((node) => this.levels[node])) + 1) * FLAME_ROW}px`;
    this.back.hidden = this.shown === 0;
    if (focus) this.focus(this.current);
  }

  callersOf(node) {
    const callers = [];
    for (let at = this.data.parent[node]; at !== null; at = this.data.parent[at]) callers.unshift(at);
    return callers;
  }

  inSight(root) {
    const sight = [];
    const waiting = [root];
    while (waiting.length) {
      const node = waiting.pop();
      sight.push(node);
      for (const call of this.calls[node]) {
        if (this.data.width[call] >= LEAST_WIDTH * this.data.width[root]) waiting.push(call);
      }
    }
    return sight;
  }

  node(node, whole) {
    const { data } = this;
    const kind = data.merged[node] ? "merged" : data.places[data.place[node]] === "" ? "stage" : `hue-${data.package[node] ?? "other"}`;
    const hit = this.found ? (this.found.has(node) ? " hit" : " dim") : "";
    const words = this.words(node);
    const item = element("div", {
      class: `flame-node ${kind}${hit}${whole ? " caller" : ""}`, role: "treeitem", "data-node": node, title: words, "aria-label": words,
      "aria-level": this.levels[node] + 1, tabindex: node === this.current ? 0 : -1,
    });
    const left = whole ? 0 : (data.start[node] - data.start[this.shown]) / (data.width[this.shown] || 1);
    const width = whole ? 1 : data.width[node] / (data.width[this.shown] || 1);
    if (width * this.tree.clientWidth >= LEAST_TEXT_PX) item.textContent = data.names[data.name[node]];
    item.style.left = `${left * 100}%`;
    item.style.width = `${Math.min(width, 1) * 100}%`;
    item.style.top = `${this.levels[node] * FLAME_ROW}px`;
    return item;
  }

  words(node) {
    const { data } = this;
    const place = data.places[data.place[node]];
    const share = percentOf(data.ms[0] ? data.ms[node] / data.ms[0] : 0);
    const own = data.own_ms[node] === null || data.own_ms[node] < 0.0005 || !this.calls[node].length ? "" : `, ${timeOf(data.own_ms[node])} of it itself`;
    return `${data.names[data.name[node]]}${place ? ` · ${place}` : ""} · ${timeOf(data.ms[node])}, ${share}${own}`;
  }

  tell(node) {
    const { data } = this;
    const [name, ...rest] = [data.names[data.name[node]], this.words(node).slice(data.names[data.name[node]].length)];
    this.line.replaceChildren(element("strong", {}, name), ...rest);
  }

  focus(node) {
    this.tree.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    const item = this.tree.querySelector(`[data-node="${node}"]`);
    item?.setAttribute("tabindex", "0");
    item?.focus();
  }

  zoom(node) {
    this.shown = this.data.merged[node] ? this.data.parent[node] : node;
    this.draw(true);
    this.tell(this.current);
  }

  onKey(event) {
    const step = { ArrowUp: () => this.data.parent[this.current], ArrowDown: () => this.widestCall(this.current), ArrowLeft: () => this.beside(-1), ArrowRight: () => this.beside(1), Home: () => this.shown }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) {
      const node = step();
      if (node !== null && node !== undefined) this.focus(node);
    } else if (event.key === "Enter" || event.key === " ") this.zoom(this.current);
    else if (event.key === "Escape" || event.key === "Backspace") this.zoom(this.data.parent[this.shown] ?? 0);
    else return;
    event.preventDefault();
    event.stopPropagation(); // the page has keys of its own
  }

  drawn(node) {
    return this.tree.querySelector(`[data-node="${node}"]`) !== null;
  }

  widestCall(node) {
    const callers = this.callersOf(this.shown);
    if (callers.includes(node)) return callers[callers.indexOf(node) + 1] ?? this.shown;
    const calls = this.calls[node].filter((call) => this.drawn(call));
    return calls.reduce((widest, call) => (widest === null || this.data.width[call] > this.data.width[widest] ? call : widest), null);
  }

  beside(by) {
    const level = [...this.tree.children].map((item) => Number(item.dataset.node))
      .filter((node) => this.levels[node] === this.levels[this.current])
      .sort((a, b) => this.data.start[a] - this.data.start[b]);
    return level[level.indexOf(this.current) + by] ?? null;
  }

  find(text) {
    const { data } = this;
    const wanted = text.trim().toLowerCase();
    this.found = wanted ? new Set() : null;
    let time = 0;
    if (wanted) {
      const inside = [];
      for (let node = 0; node < data.name.length; node += 1) {
        const hit = `${data.names[data.name[node]]}\n${data.places[data.place[node]]}`.toLowerCase().includes(wanted);
        const covered = inside[data.parent[node]] ?? false;
        if (hit) this.found.add(node);
        if (hit && !covered) time += data.ms[node];
        inside.push(hit || covered);
      }
    }
    this.count.textContent = wanted ? `${this.found.size.toLocaleString("en")} found, ${percentOf(data.ms[0] ? time / data.ms[0] : 0)} of the time` : "";
    this.draw();
  }

  onSearchKey(event) {
    if (event.key === "Escape") {
      this.search.value = "";
      this.find("");
    } else if (event.key === "Enter" && this.found?.size) {
      const widest = [...this.found].reduce((best, node) => (this.data.width[node] > this.data.width[best] ? node : best));
      this.current = widest;
      if (!this.drawn(widest)) this.zoom(widest);
      else this.focus(widest);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function timeOf(ms) {
  const digits = ms >= 99.95 ? 0 : ms >= 9.995 ? 1 : ms >= 0.9995 ? 2 : 3;
  return `${ms.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ms`;
}

function percentOf(share) {
  const value = share * 100;
  return `${value > 0 && value < 1 ? value.toFixed(1) : value.toFixed(0)} %`;
}

function setUpFlames() {
  for (const fold of document.querySelectorAll(".flame-fold")) fold.addEventListener("toggle", () => openFlame(fold));
}
