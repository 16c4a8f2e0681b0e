"use strict";
(() => {
  const $ = (s, root = document) => Array.from(root.querySelectorAll(s));
  const make = (name, text, attributes = {}) => {
    const node = document.createElement(name);
    node.textContent = text;
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  // Filters: one menu for each property that differs between entries, and a search box; entries of one line are rows of a table.
  const tools = document.getElementById("tools");
  const status = document.getElementById("shown");
  const entries = $(".finding").map((node) => ({ node, ...node.dataset }));
  for (const node of $("#more-findings tbody tr")) {
    const [action, rule, , , state] = Array.from(node.cells, (cell) => cell.textContent);
    entries.push({ node, action, rule, state, ...node.dataset });
  }
  const several = { provider: (entry) => entry.provider.split("|"), state: (entry) => (entry.state === "not known" ? ["open", "not known"] : [entry.state]) };
  const valuesOf = (entry, key) => (several[key] ? several[key](entry) : [entry[key]]);
  if (tools && entries.length > 1) {
    const menus = [];
    for (const [key, title] of [["action", "Action"], ["severity", "Severity"], ["state", "State"], ["rule", "Rule"], ["dataset", "Dataset"], ["provider", "Provider"]]) {
      const values = [...new Set(entries.flatMap((entry) => valuesOf(entry, key)))].filter(Boolean).sort();
      if (!values.length || (values.length === 1 && entries.every((entry) => entry[key]))) continue;
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
      for (const entry of entries) {
        const text = words.length ? (entry.text ??= entry.node.textContent.toLowerCase()) : "";
        const fits = menus.every(([key, menu]) => !menu.value || valuesOf(entry, key).includes(menu.value)) && words.every((word) => text.includes(word));
        entry.node.hidden = !fits;
        n += fits ? 1 : 0;
      }
      status.textContent = n === entries.length ? "" : n + " of " + entries.length + " entries shown" + (status.dataset.left ? "; " + status.dataset.left : "");
    }
    tools.hidden = false;
  }
  // Sorting: columns of numbers by value, all others as text, in which numbers count by their value.
  const value = (row, i) => {
    const cell = row.cells[i];
    const text = (cell.firstChild ? cell.firstChild.textContent : "").trim();
    if (!cell.classList.contains("n")) return cell.textContent.trim();
    const number = parseFloat(text.replace(/[\u202f\s]/g, "").replace(/^[<>]/, ""));
    return Number.isNaN(number) ? -1 : number + (text[0] === "<" ? -1e-9 : text[0] === ">" ? 1e-9 : 0);
  };
  const order = new Intl.Collator("en", { numeric: true });
  for (const table of $("table.sortable")) {
    $("thead th", table).forEach((th, i) => {
      const button = make("button", th.textContent, { type: "button" });
      th.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = th.getAttribute("aria-sort") === "ascending";
        $("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = Array.from(table.tBodies[0].rows, (row) => [value(row, i), row]);
        rows.sort(([x], [y]) => (down ? -1 : 1) * (typeof x === "number" ? x - y : order.compare(x, y)));
        table.tBodies[0].append(...rows.map(([, row]) => row));
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
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* not an address of this page */ }
    const target = name && document.getElementById(name);
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
