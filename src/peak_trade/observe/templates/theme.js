(function () {
  "use strict";
  var root = document.documentElement;
  try {
    var kept = window.localStorage.getItem("peak-trade-theme");
    if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  } catch (refused) { /* a page opened from a file may keep nothing */ }
})();
