"use strict";
// The page is whole without this: it sorts tables and shows one confusion beside the baseline's.

function sortBy(table, place) {
  const heads = [...table.tHead.rows[0].cells];
  const was = heads[place].getAttribute("aria-sort") ?? (place === 0 ? "descending" : "ascending");
  const order = was === "descending" ? "ascending" : "descending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[place].setAttribute("aria-sort", order);
  const key = (row) => place === 0 ? row.cells[0].textContent : row.cells[place].dataset.value;
  const compare = place === 0
    ? (a, b) => key(a).localeCompare(key(b))
    : (a, b) => Number(key(a)) - Number(key(b));
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows];
  const known = rows.filter((row) => key(row) !== undefined);
  known.sort((a, b) => sign * compare(a, b));
  table.tBodies[0].append(...known, ...rows.filter((row) => key(row) === undefined));
}

for (const table of document.querySelectorAll("table[data-sortable]")) {
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const title = head.querySelector(".title");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title.textContent;
    button.addEventListener("click", () => sortBy(table, place));
    title.replaceChildren(button);
  });
}

for (const confusions of document.querySelectorAll(".confusions")) {
  const [, ...others] = confusions.querySelectorAll(".choice");
  if (others.length < 2) continue;
  const label = document.createElement("label");
  const select = document.createElement("select");
  label.className = "choose";
  label.append(confusions.dataset.choose + " ", select);
  others.forEach((choice, place) => select.add(new Option(choice.dataset.name, String(place))));
  const show = () => {
    others.forEach((choice, place) => { choice.hidden = String(place) !== select.value; });
  };
  select.addEventListener("change", show);
  confusions.before(label);
  show();
}
