// Space on a canvas: points and cuboids seen from above; dragging turns them.
const FACES = [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]];

// Positions in metres, x y z of one point after the other.
function metresOf(text, { low_m: low, span_m: span }) {
  const grid = new Uint16Array(bytesOf(text).buffer);
  return Float32Array.from(grid, (value, i) => low[i % 3] + (value * span) / 65535);
}

// The eight corners of x, y, z, length, width, height, yaw; and of a box of two corners.
function cuboidCorners([x, y, z, length, width, height, yaw]) {
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  const flatCorners = [[1, 1], [1, -1], [-1, -1], [-1, 1]].map(([a, b]) => [(a * length) / 2, (b * width) / 2]);
  return [-1, 1].flatMap((up) => flatCorners.map(([a, b]) => [x + a * c - b * s, y + a * s + b * c, z + (up * height) / 2]));
}

function boxCorners([x1, y1, z1, x2, y2, z2]) {
  return [z1, z2].flatMap((z) => [[x1, y1, z], [x2, y1, z], [x2, y2, z], [x1, y2, z]]);
}

class Space {
  // clouds: Float32Arrays of metres; corners: further points that must be in sight.
  constructor(clouds, corners = []) {
    this.turn = 0;
    this.tilt = 0;
    const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
    const take = (value, axis) => {
      low[axis] = Math.min(low[axis], value);
      high[axis] = Math.max(high[axis], value);
    };
    for (const xyz of clouds) for (let i = 0; i < xyz.length; i += 1) take(xyz[i], i % 3);
    for (const corner of corners) corner.forEach(take);
    this.centre = low.map((value, axis) => (value + high[axis]) / 2);
    this.reach = Math.max(...high.map((value, axis) => value - low[axis]), 0.001);
  }

  // A function from metres to the canvas.
  projection(size) {
    const scale = (0.92 * size) / (this.reach * (this.turn || this.tilt ? 1.25 : 1));
    const [ct, st, cp, sp] = [Math.cos(this.turn), Math.sin(this.turn), Math.cos(this.tilt), Math.sin(this.tilt)];
    const [cx, cy, cz] = this.centre;
    return (px, py, pz) => {
      const [x, y, z] = [px - cx, py - cy, pz - cz];
      return [size / 2 + (x * ct - y * st) * scale, size / 2 - ((x * st + y * ct) * cp + z * sp) * scale];
    };
  }

  turnable(canvas, redraw) {
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      this.turn += event.movementX * 0.008;
      this.tilt = Math.max(0, Math.min(Math.PI / 2, this.tilt + event.movementY * 0.008));
      requestAnimationFrame(redraw);
    });
  }

  backButton(redraw) {
    return element("button", { type: "button", onclick: () => { this.turn = this.tilt = 0; redraw(); } }, "From above");
  }
}

function sceneCanvas(label) {
  return element("canvas", { width: 700, height: 700, role: "img", "aria-label": label });
}

function wire(context, place, corners, { stroke, dash = "", width = 2 }) {
  const trace = () => {
    context.beginPath();
    for (const [from, to] of FACES) {
      context.moveTo(...place(...corners[from]));
      context.lineTo(...place(...corners[to]));
    }
    context.stroke();
  };
  context.setLineDash([]);
  Object.assign(context, { strokeStyle: "rgba(0,0,0,.4)", lineWidth: width + 2 });
  trace();
  context.setLineDash(dash ? dash.split(" ").map((part) => Number(part) * 1.6) : []);
  Object.assign(context, { strokeStyle: stroke, lineWidth: width });
  trace();
  context.setLineDash([]);
}

function sceneText(context, text, [x, y], fill) {
  const size = (13 * context.canvas.width) / (context.canvas.clientWidth || context.canvas.width);
  Object.assign(context, { font: `600 ${size}px system-ui, sans-serif`, lineJoin: "round", lineWidth: size / 3.5, strokeStyle: "rgba(0,0,0,.75)", fillStyle: fill });
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}
