// Filters the rows of a list as one types. Without it, or where the list is only a part, the form asks the server.
"use strict";
(() => {
  const form = document.querySelector("form.filter");
  if (!form) return;
  const live = "live" in form.dataset;
  const selects = form.querySelectorAll("select");
  const rows = live ? [...document.querySelectorAll("tr[data-name]")] : [];
  const asked = new URLSearchParams(location.search);
  const count = document.querySelector("[data-count]");

  function wanted() {
    return Object.fromEntries([...new FormData(form)].filter(([key, value]) => value && key !== "sort" && key !== "order"));
  }

  function matches(row, want) {
    return Object.entries(want).every(([key, value]) =>
      key === "q" ? row.dataset.name.toLowerCase().includes(value.toLowerCase()) : row.dataset[key] === value);
  }

  function filter() {
    const want = wanted();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !matches(row, want);
      if (!row.hidden) shown++;
    }
    count.textContent = shown;
    for (const link of document.querySelectorAll("th[aria-sort] a")) {
      const order = new URLSearchParams(link.search);
      const next = new URLSearchParams(want);
      next.set("sort", order.get("sort"));
      next.set("order", order.get("order"));
      link.href = "?" + next + "#list";
    }
    const query = new URLSearchParams(want);
    for (const key of ["sort", "order"]) if (asked.has(key)) query.set(key, asked.get(key));
    history.replaceState(null, "", query.size ? "?" + query : location.pathname);
  }

  for (const select of selects) select.addEventListener("change", () => (live ? filter() : form.requestSubmit()));
  if (!live) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    filter();
  });
  form.elements.q.addEventListener("input", filter);
})();
