extension MapPage {
    /// What moves the page. Texts of points reach it through `textContent` and `fillText` only.
    ///
    /// 1. The view is a center in the plane and pixels per unit, the same along both axes: distances stay comparable.
    /// 2. `draw` paints grid, points, links of the pinned point, and, where at most 60 points can be seen, their titles,
    ///    each at the free place that is nearest to its point.
    /// 3. Pointer, wheel, keyboard, search and legend change what is shown and ask for one more painting.
    static let script = #"""
        "use strict";
        const data = JSON.parse(document.getElementById("data").textContent);
        const $ = id => document.getElementById(id);
        const canvas = $("map"), pen = canvas.getContext("2d"), hover = $("hover");
        const count = data.x.length, colors = data.colors;
        const lower = data.titles.map((title, i) => [title, data.ids[i], ...data.payloads[i].map(f => f[1])].join("\n").toLowerCase());
        const every = data.x.map((_, i) => i);
        const margin = {left: 58, right: 12, top: 12, bottom: 46};
        let width = 0, height = 0, view = {x: 0, y: 0, scale: 1}, whole = 1, fitted = true;
        let over = -1, pinned = -1, isolated = -1, matches = null, turn = -1, asked = false, theme = {};

        // Colors.
        const rgb = text => [1, 3, 5].map(i => parseInt(text.slice(i, i + 2), 16));
        function rampColor(value) {
          if (value === null) return theme.gray;
          const share = colors.high > colors.low ? Math.min(1, Math.max(0, (value - colors.low) / (colors.high - colors.low))) : 0.5;
          const place = share * (data.stops.length - 1), first = Math.min(data.stops.length - 2, Math.floor(place));
          const a = rgb(data.stops[first]), b = rgb(data.stops[first + 1]), part = place - first;
          return "rgb(" + a.map((v, i) => Math.round(v + (b[i] - v) * part)).join(",") + ")";
        }
        const styleColor = style => style === null ? theme.gray : data.hues[style % data.hues.length];
        const isDiamond = style => style !== null && style >= data.hues.length;
        const styleOf = i => colors.kind === "groups" ? colors.groups[colors.of[i]].style : 0;
        const colorOf = i => colors.kind === "ramp" ? rampColor(colors.of[i]) : styleColor(styleOf(i));
        function readTheme() {
          const style = getComputedStyle(document.documentElement);
          for (const name of ["paper", "ink", "quiet", "faint", "line", "gray", "mark"]) theme[name] = style.getPropertyValue("--" + name).trim();
        }

        // The view.
        const left = () => margin.left, right = () => width - margin.right;
        const top_ = () => margin.top, bottom = () => height - margin.bottom;
        const px = x => (left() + right()) / 2 + (x - view.x) * view.scale;
        const py = y => (top_() + bottom()) / 2 - (y - view.y) * view.scale;
        const inside = (x, y) => x >= left() && x <= right() && y >= top_() && y <= bottom();
        function fit() {
          let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
          for (let i = 0; i < count; i++) {
            x0 = Math.min(x0, data.x[i]); x1 = Math.max(x1, data.x[i]); y0 = Math.min(y0, data.y[i]); y1 = Math.max(y1, data.y[i]);
          }
          if (!count) [x0, x1, y0, y1] = [-1, 1, -1, 1];
          const room = count <= 60 ? 0.8 : 0.94;
          const across = room * (right() - left()) / (x1 - x0), up = room * (bottom() - top_()) / (y1 - y0);
          const scale = Math.min(across, up);
          view = {x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: isFinite(scale) && scale > 0 ? scale : 100};
          whole = view.scale;
          fitted = true;
          ask();
        }
        function zoom(factor, x, y) {
          x ??= (left() + right()) / 2; y ??= (top_() + bottom()) / 2;
          const dx = x - (left() + right()) / 2, dy = y - (top_() + bottom()) / 2;
          view.x += dx / view.scale; view.y -= dy / view.scale;
          view.scale = Math.min(whole * 2000, Math.max(whole / 10, view.scale * factor));
          view.x -= dx / view.scale; view.y += dy / view.scale;
          fitted = false;
          ask();
        }
        function pan(dx, dy) { view.x -= dx / view.scale; view.y += dy / view.scale; fitted = false; ask(); }
        function show(i) { if (!inside(px(data.x[i]), py(data.y[i]))) { view.x = data.x[i]; view.y = data.y[i]; fitted = false; } }

        // Painting.
        function ask() { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; draw(); }); } }
        const hidden = i => isolated >= 0 && colors.of[i] !== isolated;
        const isQuiet = i => matches !== null && !matches.has(i);
        const radius = () => count > 2000 ? 2.6 : count > 300 ? 3.5 : count > 60 ? 4.5 : 5.5;
        function step(pixels) {
          const raw = pixels / view.scale, power = 10 ** Math.floor(Math.log10(raw));
          return [1, 2, 5, 10].map(f => f * power).find(s => s >= raw) ?? 10 * power;
        }
        function tick(value, size) { return Math.abs(value) < size / 2 ? "0" : String(parseFloat(value.toPrecision(6))); }
        function grid() {
          pen.font = "12px system-ui, sans-serif"; pen.lineWidth = 1; pen.strokeStyle = theme.faint; pen.fillStyle = theme.quiet;
          const size = step(90), middleX = (left() + right()) / 2, middleY = (top_() + bottom()) / 2;
          pen.textAlign = "center"; pen.textBaseline = "top";
          for (let x = Math.ceil((view.x - (middleX - left()) / view.scale) / size) * size; px(x) <= right(); x += size) {
            pen.beginPath(); pen.moveTo(px(x), top_()); pen.lineTo(px(x), bottom()); pen.stroke();
            pen.fillText(tick(x, size), px(x), bottom() + 6);
          }
          pen.textAlign = "right"; pen.textBaseline = "middle";
          for (let y = Math.ceil((view.y - (bottom() - middleY) / view.scale) / size) * size; py(y) >= top_(); y += size) {
            pen.beginPath(); pen.moveTo(left(), py(y)); pen.lineTo(right(), py(y)); pen.stroke();
            pen.fillText(tick(y, size), left() - 6, py(y));
          }
          pen.strokeStyle = theme.line; pen.strokeRect(left(), top_(), right() - left(), bottom() - top_());
          pen.fillStyle = theme.ink; pen.textAlign = "center"; pen.textBaseline = "bottom";
          pen.fillText(data.axes[0], middleX, height - 4);
          pen.save(); pen.translate(12, middleY); pen.rotate(-Math.PI / 2); pen.textBaseline = "middle";
          pen.fillText(data.axes[1], 0, 0); pen.restore();
        }
        function mark(x, y, r, diamond) {
          pen.beginPath();
          if (diamond) { r *= 1.25; pen.moveTo(x, y - r); pen.lineTo(x + r, y); pen.lineTo(x, y + r); pen.lineTo(x - r, y); pen.closePath(); }
          else pen.arc(x, y, r, 0, 2 * Math.PI);
        }
        function dot(i, r) {
          mark(px(data.x[i]), py(data.y[i]), r, isDiamond(styleOf(i)));
          pen.fillStyle = colorOf(i); pen.fill();
          pen.strokeStyle = theme.paper; pen.lineWidth = 0.8; pen.stroke();
        }
        function ring(i, color) {
          mark(px(data.x[i]), py(data.y[i]), radius() + 3, false);
          pen.strokeStyle = color; pen.lineWidth = 2; pen.stroke();
        }
        function draw() {
          const ratio = devicePixelRatio || 1;
          pen.setTransform(ratio, 0, 0, ratio, 0, 0);
          pen.clearRect(0, 0, width, height);
          grid();
          pen.save(); pen.beginPath(); pen.rect(left(), top_(), right() - left(), bottom() - top_()); pen.clip();
          const seen = [];
          for (let i = 0; i < count; i++) if (!hidden(i)) {
            const x = px(data.x[i]), y = py(data.y[i]);
            if (x > left() - 9 && x < right() + 9 && y > top_() - 9 && y < bottom() + 9) seen.push(i);
          }
          pen.globalAlpha = 0.13;
          for (const i of seen) if (isQuiet(i)) dot(i, radius());
          pen.globalAlpha = count > 300 ? 0.85 : 1;
          for (const i of seen) if (!isQuiet(i)) dot(i, radius() * (matches ? 1.3 : 1));
          pen.globalAlpha = 1;
          if (pinned >= 0) {
            pen.strokeStyle = theme.mark; pen.lineWidth = 1.2;
            for (const j of data.near[pinned]) {
              pen.beginPath(); pen.moveTo(px(data.x[pinned]), py(data.y[pinned])); pen.lineTo(px(data.x[j]), py(data.y[j])); pen.stroke();
            }
            for (const j of data.near[pinned]) dot(j, radius() + 1);
            dot(pinned, radius() + 2); ring(pinned, theme.mark);
          }
          if (over >= 0) { dot(over, radius() + 2); ring(over, theme.ink); }
          const clear = seen.filter(i => !isQuiet(i));
          if (clear.length <= 60) labels(clear, seen);
          pen.restore();
        }
        function overlap(a, b) {
          return Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) * Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));
        }
        function labels(shown, seen) {
          pen.font = "13px system-ui, sans-serif"; pen.textAlign = "left"; pen.textBaseline = "middle";
          const dots = seen.map(i => ({x: px(data.x[i]) - 6, y: py(data.y[i]) - 6, w: 12, h: 12})), placed = [];
          for (const i of shown) {
            const x = px(data.x[i]), y = py(data.y[i]);
            if (!inside(x, y)) continue;
            const title = data.titles[i].length > 56 ? data.titles[i].slice(0, 55) + "…" : data.titles[i];
            const w = pen.measureText(title).width, h = 16;
            let best = null, least = Infinity;
            [8, 20, 34, 50].forEach((gap, far) => {
              const places = [[x + gap, y - h / 2], [x - gap - w, y - h / 2], [x - w / 2, y - gap - h], [x - w / 2, y + gap],
                [x + gap * 0.7, y - gap * 0.7 - h], [x + gap * 0.7, y + gap * 0.7], [x - gap * 0.7 - w, y - gap * 0.7 - h], [x - gap * 0.7 - w, y + gap * 0.7]];
              places.forEach(([bx, by], order) => {
                const box = {x: bx, y: by, w, h};
                let cost = far * 30 + order * 2;
                for (const other of placed) cost += 40 * overlap(box, other);
                for (const other of dots) cost += 8 * overlap(box, other);
                const out = Math.max(0, left() + 2 - bx) + Math.max(0, bx + w - right() + 2) + Math.max(0, top_() + 2 - by) + Math.max(0, by + h - bottom() + 2);
                cost += 1000 * out;
                if (cost < least) { least = cost; best = {...box, far, title, i, px: x, py: y}; }
              });
            });
            // What has no place can be had by pointing at the point, or by zooming in.
            if (best && (least < 1000 || i === pinned)) placed.push(best);
          }
          for (const label of placed) {
            if (label.far > 0) {
              const ex = Math.min(Math.max(label.px, label.x), label.x + label.w), ey = Math.min(Math.max(label.py, label.y), label.y + label.h);
              pen.strokeStyle = theme.line; pen.lineWidth = 1;
              pen.beginPath(); pen.moveTo(label.px, label.py); pen.lineTo(ex, ey); pen.stroke();
              dot(label.i, radius());
            }
            pen.lineWidth = 4; pen.lineJoin = "round"; pen.strokeStyle = theme.paper; pen.strokeText(label.title, label.x, label.y + label.h / 2);
            pen.fillStyle = theme.ink; pen.fillText(label.title, label.x, label.y + label.h / 2);
          }
        }

        // Cards.
        function make(tag, text, name) {
          const element = document.createElement(tag);
          if (text !== undefined) element.textContent = text;
          if (name) element.className = name;
          return element;
        }
        function fields(i) {
          const list = make("dl");
          list.append(make("dt", "id"), make("dd", data.ids[i]));
          for (const [name, value] of data.payloads[i]) list.append(make("dt", name), make("dd", value));
          return list;
        }
        function hoverCard(x, y) {
          hover.hidden = over < 0;
          if (over < 0) return;
          hover.replaceChildren(make("h2", data.titles[over]), fields(over));
          hover.style.left = Math.max(0, x + 14 + hover.offsetWidth > width ? x - 14 - hover.offsetWidth : x + 14) + "px";
          hover.style.top = Math.max(0, Math.min(y + 14, height - hover.offsetHeight)) + "px";
        }
        function pin(i) {
          pinned = i;
          const section = $("pinned");
          section.replaceChildren();
          if (i >= 0) {
            show(i);
            const head = make("div", undefined, "head"), close = make("button", "×", "close");
            close.type = "button"; close.setAttribute("aria-label", "Let go of the point"); close.onclick = () => pin(-1);
            head.append(make("h2", data.titles[i]), close);
            section.append(head, fields(i));
            if (data.near[i].length) {
              section.append(make("h3", "Nearest on this map, in full dimension"));
              const list = make("ol");
              data.near[i].forEach((j, place) => {
                const item = make("li"), button = make("button");
                const score = make("span", data.scores[i][place] === null ? "" : data.scores[i][place].toFixed(3), "score");
                score.title = data.score;
                button.type = "button"; button.append(make("span", data.titles[j], "name"), score); button.onclick = () => pin(j);
                item.append(button); list.append(item);
              });
              section.append(list);
            }
          }
          ask();
        }

        // The legend.
        function legend() {
          const section = $("legend");
          section.replaceChildren();
          if (colors.kind === "plain") return;
          section.append(make("h2", colors.field));
          if (colors.kind === "ramp") {
            const ramp = make("div", undefined, "ramp"), ends = make("div", undefined, "ends");
            ramp.style.background = "linear-gradient(to right, " + data.stops.join(", ") + ")";
            ends.append(make("span", colors.ends[0]), make("span", colors.ends[1]));
            section.append(ramp, ends);
            const none = colors.of.filter(value => value === null).length;
            if (none) section.append(make("p", none + " without a value, gray"));
            return;
          }
          const list = make("ul");
          colors.groups.forEach((group, index) => {
            const item = make("li"), button = make("button"), swatch = make("span", undefined, "swatch" + (isDiamond(group.style) ? " diamond" : ""));
            swatch.style.background = styleColor(group.style);
            button.type = "button"; button.setAttribute("aria-pressed", String(isolated === index));
            button.setAttribute("aria-label", group.name + ", " + group.count + (group.count === 1 ? " point" : " points") + ": show these only");
            button.append(swatch, make("span", group.name, "name"), make("span", String(group.count), "count"));
            button.onclick = () => {
              isolated = isolated === index ? -1 : index;
              list.querySelectorAll("button").forEach((other, i) => other.setAttribute("aria-pressed", String(isolated === i)));
              ask();
            };
            item.append(button); list.append(item);
          });
          section.append(list);
        }

        // The search.
        const search = $("search");
        search.oninput = () => {
          const words = search.value.toLowerCase().split(/\s+/).filter(word => word);
          matches = words.length ? new Set(every.filter(i => words.every(word => lower[i].includes(word)))) : null;
          turn = -1;
          $("found").textContent = matches ? matches.size + (matches.size === 1 ? " point" : " points") : "";
          ask();
        };
        search.onkeydown = event => {
          if (event.key === "Escape") { search.value = ""; search.oninput(); }
          if (event.key !== "Enter" || !count) return;
          const all = matches ? [...matches] : every;
          if (all.length) { turn = (turn + (event.shiftKey ? all.length - 1 : 1)) % all.length; pin(all[turn]); }
        };

        // Pointer, wheel and keyboard.
        const pointers = new Map();
        let moved = 0;
        const place = event => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
        function nearest(x, y) {
          let found = -1, least = (radius() + 6) ** 2;
          for (let i = 0; i < count; i++) if (!hidden(i)) {
            const distance = (px(data.x[i]) - x) ** 2 + (py(data.y[i]) - y) ** 2 + (isQuiet(i) ? 60 : 0);
            if (distance < least) { least = distance; found = i; }
          }
          return inside(x, y) ? found : -1;
        }
        canvas.onpointerdown = event => {
          canvas.setPointerCapture(event.pointerId);
          pointers.set(event.pointerId, place(event));
          if (pointers.size === 1) moved = 0;
          canvas.classList.add("held");
        };
        canvas.onpointermove = event => {
          const [x, y] = place(event), before = pointers.get(event.pointerId);
          if (!before) {
            over = nearest(x, y);
            canvas.classList.toggle("over", over >= 0);
            hoverCard(x, y); ask();
            return;
          }
          if (pointers.size === 2) {
            const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
            const far = ([a, b]) => Math.max(10, Math.hypot(a - other[0], b - other[1]));
            zoom(far([x, y]) / far(before), (x + other[0]) / 2, (y + other[1]) / 2);
            pan((x - before[0]) / 2, (y - before[1]) / 2);
            moved = 99;
          } else {
            moved += Math.hypot(x - before[0], y - before[1]);
            if (moved > 4) { over = -1; hoverCard(x, y); pan(x - before[0], y - before[1]); }
          }
          pointers.set(event.pointerId, [x, y]);
        };
        canvas.onpointerup = canvas.onpointercancel = event => {
          if (pointers.delete(event.pointerId) && moved <= 4 && event.type === "pointerup") {
            const [x, y] = place(event);
            pin(nearest(x, y));
          }
          if (!pointers.size) canvas.classList.remove("held");
        };
        canvas.onpointerleave = () => { over = -1; hoverCard(0, 0); ask(); };
        canvas.addEventListener("wheel", event => {
          event.preventDefault();
          const [x, y] = place(event);
          zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), x, y);
        }, {passive: false});
        canvas.ondblclick = event => zoom(2, ...place(event));
        canvas.onkeydown = event => {
          const moves = {ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60]};
          if (moves[event.key]) pan(...moves[event.key]);
          else if (event.key === "+" || event.key === "=") zoom(1.4);
          else if (event.key === "-") zoom(1 / 1.4);
          else if (event.key === "0") fit();
          else if (event.key === "Escape") pin(-1);
          else return;
          event.preventDefault();
        };
        $("closer").onclick = () => zoom(1.4);
        $("farther").onclick = () => zoom(1 / 1.4);
        $("whole").onclick = fit;

        function resize() {
          const box = $("frame").getBoundingClientRect(), ratio = devicePixelRatio || 1;
          width = box.width; height = box.height;
          canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
          if (fitted) fit();
          // A canvas of a new size is empty: it is painted now, and not in the next frame.
          draw();
        }
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readTheme(); legend(); ask(); });
        new ResizeObserver(resize).observe($("frame"));
        readTheme(); legend(); resize();
        """#
}
