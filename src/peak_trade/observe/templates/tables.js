(function () {
  "use strict";
  // a heading of a sortable table becomes a button: first click descending for numbers, ascending for words
  function key(cell) {
    var given = cell.dataset.order;
    if (given !== undefined) return given === "" ? NaN : Number(given);
    var text = cell.textContent.trim();
    var number = Number(text.replace(/,/g, "").replace(/(%|x|[A-Z]{3,4})$/, ""));
    return text === "" || text === "\u2013" ? NaN : isNaN(number) ? text.toLowerCase() : number;
  }
  function compared(a, b) {
    var missingA = a !== a, missingB = b !== b;
    if (missingA || missingB) return missingA - missingB;
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  }
  function sort(table, column, falling) {
    var body = table.tBodies[0], shown = Number(table.dataset.shown || 0);
    var rows = Array.prototype.map.call(body.rows, function (row) { return [key(row.cells[column]), row]; });
    rows.sort(function (a, b) {
      var missing = (a[0] !== a[0]) - (b[0] !== b[0]);
      return missing || (falling ? compared(b[0], a[0]) : compared(a[0], b[0]));
    });
    rows.forEach(function (item, place) {
      item[1].classList.toggle("more", shown > 0 && place >= shown);
      body.appendChild(item[1]);
    });
  }
  Array.prototype.forEach.call(document.querySelectorAll("table.sortable"), function (table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var now = head.getAttribute("aria-sort");
        var falling = now ? now === "ascending" : head.classList.contains("n");
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        sort(table, column, falling);
      });
    });
  });
  Array.prototype.forEach.call(document.querySelectorAll("[data-all]"), function (button) {
    var table = document.getElementById(button.dataset.all), label = button.textContent;
    button.addEventListener("click", function () {
      var open = table.classList.toggle("all");
      button.textContent = open ? "Show fewer rows" : label;
      button.setAttribute("aria-expanded", String(open));
    });
  });
})();
