(function () {
  "use strict";
  var root = document.documentElement;
  var narrowPage = window.matchMedia("(max-width: 640px)");
  var figures = JSON.parse(document.getElementById("figures").textContent);
  var charts = Array.prototype.slice.call(document.querySelectorAll(".chart"));
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var scale = "linear", busy = false, PRINT = 680;
  if (typeof Plotly === "undefined") return;
  root.classList.add("scripted");

  // stamps become text, because plotly reads a number as local time
  function stamps(packed) {
    var bytes = Uint8Array.from(atob(packed.bdata), function (c) { return c.charCodeAt(0); });
    return Array.from(new Float64Array(bytes.buffer), function (ms) {
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
    if (node.bdata) return { dtype: node.dtype, bdata: node.bdata };
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
  function layout(chart, figure, times) {
    var narrow = chart.clientWidth < 560 && !root.classList.contains("printing");
    var axis = function () {
      return { gridcolor: colour("--hair"), linecolor: colour("--rule"), zerolinecolor: colour("--rule"), zerolinewidth: 1, tickcolor: colour("--rule"), automargin: true, fixedrange: true, title: { font: { size: 12 } } };
    };
    var base = {
      height: Number(chart.dataset.height), autosize: true, showlegend: false,
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
    merged(base, figure.layout);
    if (chart.id === "equity" && scale === "log") {
      base.yaxis.type = "log";
      base.yaxis.dtick = undefined;
    }
    if (root.classList.contains("printing")) { base.width = PRINT; base.height *= 0.72; base.autosize = false; }
    return base;
  }
  function draw(chart) {
    var figure = figures[chart.dataset.figure || chart.id];
    if (!figure) { chart.style.display = "none"; return; }
    var times = {};
    Object.keys(figure.times || {}).forEach(function (key) {
      var packed = figure.times[key];
      times[key] = packed.made || (packed.made = stamps(packed));
    });
    figure.daily = figure.daily === undefined && times.t
      ? times.t.every(function (text) { return text.slice(11) === "00:00:00"; }) : figure.daily;
    Plotly.react(chart, resolved(figure.data, times), layout(chart, figure, times), { displayModeBar: false, doubleClick: "reset", responsive: true });
    if (!chart.dataset.linked && figure.times) {
      chart.dataset.linked = "1";
      chart.on("plotly_relayout", function (change) { follow(chart, change); });
    }
  }
  function drawAll() { charts.forEach(draw); }

  function follow(source, change) {
    if (busy) return;
    var range = change["xaxis.range[0]"] !== undefined ? [change["xaxis.range[0]"], change["xaxis.range[1]"]] : change["xaxis.range"];
    if (!range && !change["xaxis.autorange"]) return;
    busy = true;
    charts.forEach(function (chart) {
      if (!figures[chart.dataset.figure || chart.id] || !chart.layout) return;
      if (range) chart.dataset.range = JSON.stringify(range); else delete chart.dataset.range;
      if (chart !== source) Plotly.relayout(chart, range ? { "xaxis.range": range.slice() } : { "xaxis.autorange": true });
    });
    busy = false;
  }

  document.querySelectorAll("[data-scale]").forEach(function (button) {
    button.addEventListener("click", function () {
      scale = button.dataset.scale;
      document.querySelectorAll("[data-scale]").forEach(function (other) {
        other.setAttribute("aria-pressed", String(other === button));
      });
      draw(document.getElementById("equity"));
    });
  });
  var chooser = document.getElementById("instrument");
  if (chooser) chooser.addEventListener("change", function () {
    var chart = document.getElementById("price");
    chart.dataset.figure = chooser.value;
    draw(chart);
  });
  [dark, narrowPage].forEach(function (query) {
    if (query.addEventListener) query.addEventListener("change", drawAll);
  });
  window.addEventListener("beforeprint", function () { root.classList.add("printing"); drawAll(); });
  window.addEventListener("afterprint", function () { root.classList.remove("printing"); drawAll(); });
  drawAll();
})();
