// Small helpers that everything below shares: elements, embedded data, and the state in the URL's hash.
// Text enters the page through textContent only: names in the data are hostile.
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function shape(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const embedded = (id) => JSON.parse(byId(id)?.textContent || "{}");

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

async function unpacked(base64) {
  if (!("DecompressionStream" in window)) throw new Error("This browser cannot unpack the embedded data.");
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

const state = {
  values: {},
  read() {
    const hash = location.hash.slice(1);
    this.values = hash.includes("=") ? Object.fromEntries(new URLSearchParams(hash)) : {};
  },
  get(key) {
    return Object.hasOwn(this.values, key) ? this.values[key] : "";
  },
  set(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === "" || value === null) delete this.values[key];
      else this.values[key] = String(value);
    }
    const hash = new URLSearchParams(this.values).toString();
    // replaceState: a filter being typed is no step that Back should walk through.
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  },
};

function segments(labels, current, choose) {
  const group = element("div", { class: "segments", role: "group" });
  const buttons = Object.entries(labels).map(([key, label]) =>
    element("button", { type: "button", "data-mode": key, onclick: () => press(key) }, label));
  function press(key) {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.mode === key));
    choose(key);
  }
  group.append(...buttons);
  press(current);
  return group;
}

function slider(label, { min, max, step, value }, changed, show = (x) => x.toFixed(2)) {
  const shown = element("span", { class: "num" }, show(value));
  const input = element("input", { type: "range", min, max, step, value, "aria-label": label });
  input.addEventListener("input", () => {
    shown.textContent = show(Number(input.value));
    changed(Number(input.value));
  });
  return element("label", {}, label, input, shown);
}
