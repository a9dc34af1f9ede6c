"use strict";
(() => {
  // Tooltips take the place of the titles, which browsers show late and telephones never.
  const box = document.createElement("div");
  box.id = "tooltip";
  box.hidden = true;
  document.body.append(box);
  const show = (at, words) => {
    box.textContent = words;
    box.hidden = false;
    const r = at.getBoundingClientRect(), w = box.offsetWidth;
    const left = Math.min(Math.max(8, r.left + r.width / 2 - w / 2), document.documentElement.clientWidth - w - 8);
    const above = r.top - box.offsetHeight - 6;
    box.style.left = left + window.scrollX + "px";
    box.style.top = (above > 0 ? above : r.bottom + 6) + window.scrollY + "px";
  };
  for (const at of document.querySelectorAll("svg .tip")) {
    const title = at.querySelector("title");
    const words = title.textContent;
    title.remove();
    at.addEventListener("pointerenter", () => show(at, words));
    at.addEventListener("pointerleave", () => { box.hidden = true; });
  }

  // A click on a head sorts a table by its column, a second one the other way round.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (!head.textContent) return;
      const button = document.createElement("button");
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (row) => {
          const cell = row.cells[column];
          return head.dataset.kind === "n" ? Number(cell.dataset.v) || 0 : cell.textContent;
        };
        const order = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
        const rows = [...table.tBodies[0].rows].sort((a, b) => order(value(a), value(b)) * (down ? -1 : 1));
        table.tBodies[0].append(...rows);
      });
    });
  }

  // Commands can be copied where the browser lets a page do so.
  if (navigator.clipboard) {
    for (const pre of document.querySelectorAll("pre")) {
      const text = pre.textContent.trim();
      const button = document.createElement("button");
      button.textContent = "Copy";
      button.addEventListener("click", () => navigator.clipboard.writeText(text).then(() => { button.textContent = "Copied"; }, () => {}));
      pre.append(button);
    }
  }
})();
