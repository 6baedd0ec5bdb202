(function () {
  "use strict";
  var root = document.documentElement;
  var narrowPage = window.matchMedia("(max-width: 640px)");
  var figures = JSON.parse(document.getElementById("figures").textContent);
  var charts = Array.prototype.slice.call(document.querySelectorAll(".chart"));
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var logarithmic = {}, busy = false, PRINT = 680;
  root.classList.add("interactive");
  if (typeof Plotly === "undefined") return;
  root.classList.add("scripted");

  // stamps become text, because plotly reads a number as local time
  function numbers(packed) {
    var bytes = Uint8Array.from(atob(packed.bdata), function (c) { return c.charCodeAt(0); });
    return packed.dtype === "f8" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  }
  function stamps(packed) {
    return Array.from(numbers(packed), function (ms) {
      return new Date(ms).toISOString().replace("T", " ").slice(0, 19);
    });
  }
  function colour(name) { return getComputedStyle(root).getPropertyValue(name).trim(); }
  function resolved(node, times) {
    if (Array.isArray(node)) return node.map(function (item) { return resolved(item, times); });
    if (node === null || typeof node !== "object") return node;
    if (node.css) return colour(node.css);
    if (typeof node.time === "string") return times[node.time];
    if (node.is === "time") return node.made || (node.made = stamps(node));
    if (node.bdata) return node.shape ? { dtype: node.dtype, bdata: node.bdata, shape: node.shape } : { dtype: node.dtype, bdata: node.bdata };
    var made = {};
    Object.keys(node).forEach(function (key) { made[key] = resolved(node[key], times); });
    return made;
  }
  function merged(base, over) {
    Object.keys(over || {}).forEach(function (key) {
      var both = base[key] && typeof base[key] === "object" && typeof over[key] === "object";
      base[key] = both && !Array.isArray(over[key]) ? merged(base[key], over[key]) : over[key];
    });
    return base;
  }
  function figureOf(chart) { return figures[chart.dataset.figure || chart.id]; }
  function printed(chart) { return chart.closest(".two") ? PRINT / 2 - 14 : PRINT; }
  function layout(chart, figure, times) {
    var printing = root.classList.contains("printing");
    var narrow = chart.clientWidth < 560 && !printing;
    var axis = function () {
      return { gridcolor: colour("--hair"), linecolor: colour("--rule"), zerolinecolor: colour("--rule"), zerolinewidth: 1, tickcolor: colour("--rule"), automargin: true, fixedrange: true, title: { font: { size: 12 } } };
    };
    var base = {
      height: Number(figure.height || chart.dataset.height), autosize: true, showlegend: false,
      margin: { l: narrow ? 46 : 60, r: narrow ? 6 : 12, t: 8, b: 32 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 12, color: colour("--muted") },
      hovermode: figure.times ? "x unified" : "closest",
      hoverlabel: { bgcolor: colour("--paper"), bordercolor: colour("--rule"), font: { color: colour("--ink"), size: 12 } },
      dragmode: figure.times && !narrow ? "zoom" : false,
      xaxis: axis(), yaxis: axis()
    };
    if (figure.layout.yaxis2) base.yaxis2 = axis();
    if (figure.times) {
      base.xaxis.type = "date";
      base.xaxis.showgrid = false;
      base.xaxis.fixedrange = narrow;
      base.xaxis.hoverformat = figure.daily ? "%Y-%m-%d" : "%Y-%m-%d %H:%M";
      base.xaxis.rangeslider = { visible: false };
      merged(base.xaxis, { showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: colour("--quiet"), spikesnap: "data" });
      base.xaxis.nticks = narrow ? 5 : 10;
      base.yaxis.nticks = base.height < 250 ? 5 : 8;
      base.xaxis.range = [times.t[0], times.t[times.t.length - 1]];
      if (times.t.length < 2) delete base.xaxis.range;
      if (chart.dataset.range) base.xaxis.range = JSON.parse(chart.dataset.range);
    }
    merged(base, resolved(figure.layout, times));
    if (narrow && figure.layout.annotations) base.annotations = base.annotations.map(function (note) { return merged({ font: { size: 10 } }, note); });
    if (logarithmic[chart.id]) {
      base.yaxis.type = "log";
      base.yaxis.dtick = undefined;
    }
    if (printing) { base.width = printed(chart); base.height *= 0.72; base.autosize = false; }
    return base;
  }
  function draw(chart) {
    var figure = figureOf(chart);
    if (!figure) { chart.style.display = "none"; return; }
    if (figure.kind === "parallel") { drawParallel(chart, figure); return; }
    var times = {};
    Object.keys(figure.times || {}).forEach(function (key) {
      var packed = figure.times[key];
      times[key] = packed.made || (packed.made = stamps(packed));
    });
    figure.daily = figure.daily === undefined && times.t
      ? times.t.every(function (text) { return text.slice(11) === "00:00:00"; }) : figure.daily;
    var hidden = JSON.parse(chart.dataset.hidden || "[]");
    var data = resolved(figure.data, times);
    data.forEach(function (trace) { if (hidden.indexOf(trace.name) >= 0) trace.visible = false; });
    Plotly.react(chart, data, layout(chart, figure, times), { displayModeBar: false, doubleClick: "reset", responsive: true });
    if (!chart.dataset.linked && figure.times) {
      chart.dataset.linked = "1";
      chart.on("plotly_relayout", function (change) { follow(chart, change); });
    }
  }
  function drawAll() { charts.forEach(draw); }
  // one after the other, so that the page can be scrolled meanwhile
  function drawNext(place) {
    if (place >= charts.length) { root.classList.add("drawn"); return; }
    draw(charts[place]);
    window.setTimeout(function () { drawNext(place + 1); }, 0);
  }

  function follow(source, change) {
    if (busy) return;
    var range = change["xaxis.range[0]"] !== undefined ? [change["xaxis.range[0]"], change["xaxis.range[1]"]] : change["xaxis.range"];
    if (!range && !change["xaxis.autorange"]) return;
    busy = true;
    charts.forEach(function (chart) {
      var figure = figureOf(chart);
      if (!figure || !figure.times || !chart.layout) return;
      if (range) chart.dataset.range = JSON.stringify(range); else delete chart.dataset.range;
      if (chart !== source) Plotly.relayout(chart, range ? { "xaxis.range": range.slice() } : { "xaxis.autorange": true });
    });
    busy = false;
  }

  function each(selector, act) { Array.prototype.forEach.call(document.querySelectorAll(selector), act); }
  function press(selector, pressed) {
    each(selector, function (other) { other.setAttribute("aria-pressed", String(other === pressed)); });
  }
  each("[data-scale]", function (button) {
    button.addEventListener("click", function () {
      logarithmic[button.dataset.chart] = button.dataset.scale === "log";
      press("[data-scale][data-chart='" + button.dataset.chart + "']", button);
      draw(document.getElementById(button.dataset.chart));
    });
  });
  // several selects may choose one figure: its key is their values in order
  each("select[data-chart]", function (chooser) {
    chooser.addEventListener("change", function () {
      var chart = document.getElementById(chooser.dataset.chart), parts = [];
      each("select[data-chart='" + chart.id + "']", function (one) { parts.push(one.value); });
      chart.dataset.figure = parts.join(":");
      draw(chart);
    });
  });
  each("button.key", function (button) {
    button.addEventListener("click", function () {
      var shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      button.dataset.chart.split(" ").forEach(function (id) {
        var chart = document.getElementById(id), hidden = JSON.parse(chart.dataset.hidden || "[]");
        hidden = hidden.filter(function (name) { return name !== button.dataset.trace; });
        if (!shown) hidden.push(button.dataset.trace);
        chart.dataset.hidden = JSON.stringify(hidden);
        draw(chart);
      });
    });
  });
  each("[data-theme-choice]", function (button) {
    if ((root.dataset.theme || "auto") === button.dataset.themeChoice) press("[data-theme-choice]", button);
    button.addEventListener("click", function () {
      var choice = button.dataset.themeChoice;
      if (choice === "auto") delete root.dataset.theme; else root.dataset.theme = choice;
      try { window.localStorage.setItem("peak-trade-theme", choice); } catch (refused) { /* kept for this view alone */ }
      press("[data-theme-choice]", button);
      drawAll();
    });
  });

  // every line a combination, every axis a parameter; a stretch dragged along an axis keeps what passes it
  function drawParallel(chart, figure) {
    var axes = figure.axes.map(function (axis) {
      return { name: axis.name, ticks: axis.ticks, values: axis.made || (axis.made = numbers(axis.values)) };
    });
    var kept = chart.kept || (chart.kept = {});
    var canvas = chart.querySelector("canvas");
    if (!canvas) {
      canvas = document.createElement("canvas");
      chart.appendChild(canvas);
      listen(chart, canvas);
    }
    var ratio = window.devicePixelRatio || 1, printing = root.classList.contains("printing");
    var wide = printing ? printed(chart) : chart.clientWidth, high = Number(chart.dataset.height) * (printing ? 0.72 : 1);
    canvas.width = wide * ratio; canvas.height = high * ratio;
    canvas.style.width = wide + "px"; canvas.style.height = high + "px";
    var pen = canvas.getContext("2d"), left = 44, right = 58, top = 40, bottom = 14, last = axes.length - 1;
    var x = function (k) { return left + (wide - left - right) * (last ? k / last : 0); };
    var y = function (share) { return top + (high - top - bottom) * (1 - share); };
    chart.place = { x: x, y: y, axes: axes };
    pen.scale(ratio, ratio);
    pen.lineWidth = 1;
    var passes = function (row) {
      return Object.keys(kept).every(function (k) { var v = axes[k].values[row]; return v >= kept[k][0] && v <= kept[k][1]; });
    };
    var count = axes[0].values.length, order = [], inside = 0;
    for (var row = count - 1; row >= 0; row--) order.push(row);  // the best last, on top
    var rows = order.map(function (row) { var ok = passes(row); if (ok) inside++; return [row, ok]; });
    rows.sort(function (a, b) { return Number(a[1]) - Number(b[1]); });
    var worst = colour("--heat-loss"), middle = colour("--quiet"), best = colour("--heat-1");
    rows.forEach(function (item) {
      var score = axes[last].values[item[0]];
      if (!isFinite(score)) return;
      pen.globalAlpha = item[1] ? (count > 400 ? 0.35 : 0.6) : 0.07;
      pen.strokeStyle = !item[1] ? middle : score > 2 / 3 ? best : score > 1 / 3 ? middle : worst;
      if (item[0] === 0 && item[1]) { pen.globalAlpha = 1; pen.lineWidth = 2.5; pen.strokeStyle = colour("--ink"); } else pen.lineWidth = 1;
      pen.beginPath();
      axes.forEach(function (axis, k) {
        var at = axis.values[item[0]];
        if (k) pen.lineTo(x(k), y(at)); else pen.moveTo(x(k), y(at));
      });
      pen.stroke();
    });
    pen.globalAlpha = 1; pen.lineWidth = 1;
    pen.font = (wide < 560 ? 10 : 12) + "px " + getComputedStyle(document.body).fontFamily;
    axes.forEach(function (axis, k) {
      if (kept[k]) {
        pen.fillStyle = colour("--accent-soft");
        pen.fillRect(x(k) - 7, y(kept[k][1]) - 2, 14, y(kept[k][0]) - y(kept[k][1]) + 4);
      }
      pen.strokeStyle = colour("--muted");
      pen.beginPath(); pen.moveTo(x(k), y(0)); pen.lineTo(x(k), y(1)); pen.stroke();
      pen.fillStyle = colour("--ink"); pen.textAlign = k === 0 ? "left" : k === last ? "right" : "center";
      pen.fillText(axis.name, k === 0 ? 2 : k === last ? wide - 2 : x(k), 14 + (k % 2 && wide < 560 ? 13 : 0));
      pen.fillStyle = colour("--muted"); pen.textAlign = k === 0 ? "right" : "left";
      pen.lineWidth = 4; pen.strokeStyle = colour("--paper");  // a rim, so that lines do not hide the text
      axis.ticks.forEach(function (tick) {
        var at = [x(k) + (k === 0 ? -6 : 6), y(tick[0]) + 4];
        pen.strokeText(tick[1], at[0], at[1]); pen.fillText(tick[1], at[0], at[1]);
      });
      pen.lineWidth = 1;
    });
    var said = document.getElementById(chart.id + "-count");
    if (said) said.textContent = Object.keys(kept).length ? inside + " of " + count + " lines pass the chosen stretches." : "";
  }
  function listen(chart, canvas) {
    var axis = -1, from = 0;
    var share = function (event) {
      var box = canvas.getBoundingClientRect(), y0 = chart.place.y(0), y1 = chart.place.y(1);
      return Math.min(1, Math.max(0, (y0 - (event.clientY - box.top)) / (y0 - y1)));
    };
    canvas.addEventListener("pointerdown", function (event) {
      var across = event.clientX - canvas.getBoundingClientRect().left;
      axis = chart.place.axes.findIndex(function (one, k) { return Math.abs(chart.place.x(k) - across) < 18; });
      if (axis < 0) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      from = share(event);
      delete chart.kept[axis];
      draw(chart);
    });
    canvas.addEventListener("pointermove", function (event) {
      if (axis < 0) return;
      var to = share(event);
      if (Math.abs(to - from) > 0.015) chart.kept[axis] = [Math.min(from, to), Math.max(from, to)];
      draw(chart);
    });
    canvas.addEventListener("pointerup", function () { axis = -1; });
  }
  each("[data-reset]", function (button) {
    button.addEventListener("click", function () {
      var chart = document.getElementById(button.dataset.reset);
      chart.kept = {};
      draw(chart);
    });
  });

  [dark, narrowPage].forEach(function (query) {
    if (query.addEventListener) query.addEventListener("change", drawAll);
  });
  var waiting = 0;
  window.addEventListener("resize", function () {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(function () { charts.forEach(function (chart) { if ((figureOf(chart) || {}).kind) draw(chart); }); }, 150);
  });
  window.addEventListener("beforeprint", function () {
    root.classList.add("printing");
    each("details:not([open])", function (one) { one.open = true; one.dataset.shut = "1"; });
    drawAll();
  });
  window.addEventListener("afterprint", function () {
    root.classList.remove("printing");
    each("details[data-shut]", function (one) { one.open = false; delete one.dataset.shut; });
    drawAll();
  });
  drawNext(0);
})();
