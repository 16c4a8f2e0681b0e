"use strict";
(() => {
  const $ = (s, root = document) => Array.from(root.querySelectorAll(s));
  const make = (name, text, attributes = {}) => {
    const node = document.createElement(name);
    node.textContent = text;
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  // Filters: one menu for each property that differs between findings, and a search box.
  const findings = $(".finding");
  const tools = document.getElementById("tools");
  const status = document.getElementById("shown");
  if (tools && findings.length > 1) {
    const menus = [];
    for (const [key, title] of [["action", "Action"], ["severity", "Severity"], ["state", "State"], ["rule", "Rule"], ["dataset", "Dataset"], ["provider", "Provider"]]) {
      const values = [...new Set(findings.flatMap((f) => f.dataset[key].split(key === "provider" ? "|" : "\0")))].filter(Boolean).sort();
      if (!values.length || (values.length === 1 && findings.every((f) => f.dataset[key]))) continue;
      const label = make("label", title);
      const select = make("select", "", { name: key, "aria-label": title });
      select.append(make("option", "all", { value: "" }), ...values.map((v) => make("option", v, { value: v })));
      label.append(select);
      tools.append(label);
      menus.push([key, select]);
      select.addEventListener("change", show);
    }
    const label = make("label", "Search");
    const search = make("input", "", { type: "search", placeholder: "words in findings" });
    label.append(search);
    tools.append(label);
    search.addEventListener("input", show);
    function show() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let n = 0;
      for (const f of findings) {
        const fits = menus.every(([key, menu]) => !menu.value || f.dataset[key] === menu.value || (key === "provider" && f.dataset[key].split("|").includes(menu.value))) && words.every((w) => f.textContent.toLowerCase().includes(w));
        f.hidden = !fits;
        n += fits ? 1 : 0;
      }
      status.textContent = n === findings.length ? "" : n + " of " + findings.length + " entries shown";
    }
    tools.hidden = false;
  }
  // Sorting: numbers by value, text by words.
  const value = (row, i) => {
    const text = row.cells[i].textContent.trim();
    const number = parseFloat(text.replace(/[\u202f\s]/g, ""));
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  for (const table of $("table.sortable")) {
    $("thead th", table).forEach((th, i) => {
      const button = make("button", th.textContent, { type: "button" });
      th.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = th.getAttribute("aria-sort") === "ascending";
        $("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = Array.from(table.tBodies[0].rows);
        rows.sort((a, b) => {
          const [x, y] = [value(a, i), value(b, i)];
          const order = typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1;
          return down ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }
  // Copying: the text stands on the page anyway.
  const copy = (button, text) => button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "copied"; } catch { button.textContent = "select and copy the text"; }
  });
  for (const box of $(".copybox")) {
    const button = make("button", "copy", { type: "button", class: "plain" });
    copy(button, box.querySelector("pre").textContent);
    box.append(button);
  }
  for (const digest of $("#trail .digest")) {
    const button = make("button", "copy", { type: "button", class: "plain", "aria-label": "copy the whole digest" });
    copy(button, digest.dataset.full);
    digest.after(" ", button);
  }
  // Deep links open what they point at.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
