"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const AT_ONCE = 200;
const memory = `augfactory rejects ${data.content_hash}`;
const place = new Map(data.rows.map((one, index) => [one.row, index]));
const marked = new Set(remembered());
let found = [];
let shown = 0;
let open = null;

function remembered() {
  // Where a browser keeps nothing for pages of files, marks live as long as the page.
  try {
    const kept = JSON.parse(localStorage.getItem(memory) || "[]");
    return kept.filter((row) => place.has(row));
  } catch { return []; }
}

function remember() {
  try { localStorage.setItem(memory, JSON.stringify([...marked])); } catch { /* see above */ }
}

function made(tag, text, parent) {
  const element = document.createElement(tag);
  if (text !== null) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const counted = (number) => number.toLocaleString("en");
const label = (one) => one.label.map(([kind, share]) =>
  one.label.length > 1 ? `${data.class_names[kind]} ${percent(share)}` : data.class_names[kind]).join(", ");

function picture(row, words, parent) {
  const image = made("img", null, parent);
  image.src = `data:image/png;base64,${data.pictures[row]}`;
  image.alt = words;
  return image;
}

function fits(one) {
  const kind = at("class").value, method = at("method").value;
  if (method && one.method !== method) return false;
  if (at("only").checked && !marked.has(one.row)) return false;
  const shares = one.label.filter(([own]) => !kind || own === Number(kind)).map(([, share]) => 100 * share);
  const share = Math.max(...shares);
  // A hundredth of a percent is rounding.
  return shares.length > 0 && share >= at("least").valueAsNumber - .01 && share <= at("most").valueAsNumber + .01;
}

function tile(one) {
  const box = made("div", null, at("rows"));
  box.className = "one";
  box.dataset.row = one.row;
  const button = made("button", null, box);
  button.type = "button";
  picture(one.row, `row ${one.row}, ${one.method}, ${label(one)}`, button);
  made("small", `${one.row} · ${one.method}`, button);
  made("small", label(one), button);
  button.addEventListener("click", () => look(one.row));
  button.addEventListener("keydown", (event) => { if (event.key === "x") set(one.row, !marked.has(one.row)); });
  const name = made("label", null, box);
  name.className = "tick";
  const tick = made("input", null, name);
  tick.type = "checkbox";
  name.append("reject");
  tick.setAttribute("aria-label", `reject row ${one.row}`);
  tick.addEventListener("change", () => set(one.row, tick.checked));
  draw(box);
}

function draw(box) {
  const own = marked.has(Number(box.dataset.row));
  box.classList.toggle("marked", own);
  box.querySelector("input").checked = own;
}

function more() {
  for (const one of found.slice(shown, shown + AT_ONCE)) tile(one);
  shown = Math.min(found.length, shown + AT_ONCE);
  at("further").hidden = shown === found.length;
  at("further").textContent = `Show ${counted(Math.min(AT_ONCE, found.length - shown))} more`;
}

function filter() {
  found = data.rows.filter(fits);
  shown = 0;
  at("rows").replaceChildren();
  at("count").textContent = `${counted(found.length)} of ${counted(data.rows.length)} rows`;
  more();
}

function tally() {
  at("marks").textContent = marked.size ? `${counted(marked.size)} marked` : "none marked";
  at("save").disabled = at("clear").disabled = !marked.size;
}

function set(row, own) {
  if (own) marked.add(row); else marked.delete(row);
  remember();
  tally();
  const box = document.querySelector(`.one[data-row="${row}"]`);
  if (box) draw(box);
  if (open === row) at("mark").checked = own;
}

function look(row) {
  const one = data.rows[place.get(row)];
  open = row;
  at("name").textContent = `Row ${row}: ${one.method}, round ${one.round}` + (one.view ? `, view ${one.view}` : "");
  at("large").src = `data:image/png;base64,${data.pictures[row]}`;
  at("large").alt = `row ${row}, ${one.method}, ${label(one)}`;
  at("mark").checked = marked.has(row);
  at("label").replaceChildren();
  for (const [kind, share] of one.label) {
    const line = made("div", null, at("label"));
    line.className = "share";
    made("span", data.class_names[kind], line);
    made("meter", null, line).value = share;
    made("span", percent(share), line);
  }
  at("parents").replaceChildren();
  for (const from of one.parents) {
    const box = made("div", null, at("parents"));
    box.className = "parent";
    if (from.row in data.pictures) picture(from.row, `row ${from.row}`, box);
    else made("p", from.row < 0 ? "(not a row of this version)" : "(its picture is not on this page)", box);
    made("div", `weight ${from.weight.toFixed(4)}`, box);
    made("div", `source row ${from.source_row}` + (from.row < 0 ? "" : `, row ${from.row} here`), box);
  }
  at("drawn").replaceChildren();
  for (const [name, value] of Object.entries(one.drawn)) {
    const line = made("div", null, at("drawn"));
    made("dt", name, line);
    made("dd", typeof value === "string" ? value : String(Number(value.toPrecision(6))), line);
  }
  if (!Object.keys(one.drawn).length) made("div", "nothing", at("drawn"));
  at("before").disabled = !step(-1);
  at("after").disabled = !step(1);
  if (!at("row").open) at("row").showModal();
  at("row").scrollTop = 0;
}

function step(by) {
  return found[found.findIndex((one) => one.row === open) + by];
}

function go(by) {
  const next = step(by);
  if (next) look(next.row);
}

function save() {
  const rejected = [...marked].sort((one, other) => one - other);
  const list = { version: data.address, content_hash: data.content_hash, rejected };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(list) + "\n"], { type: "application/json" }));
  link.download = `${data.file}-rejects.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

data.class_names.forEach((name, kind) => { made("option", name, at("class")).value = kind; });
[...new Set(data.rows.map((one) => one.method))].forEach((name) => { made("option", name, at("method")).value = name; });
document.body.style.setProperty("--shape", `${data.shape[1]} / ${data.shape[0]}`);
document.body.classList.toggle("pixelated", Math.max(...data.shape) <= 96);
at("filters").addEventListener("input", filter);
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("further").addEventListener("click", more);
at("save").addEventListener("click", save);
at("clear").addEventListener("click", () => { for (const row of [...marked]) set(row, false); });
at("mark").addEventListener("change", () => set(open, at("mark").checked));
at("close").addEventListener("click", () => at("row").close());
at("row").addEventListener("close", () => { open = null; });
at("before").addEventListener("click", () => go(-1));
at("after").addEventListener("click", () => go(1));
at("row").addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") go(-1);
  if (event.key === "ArrowRight") go(1);
  if (event.key === "x") set(open, !marked.has(open));
});
tally();
filter();
