/* A link to a card opens what the card is folded into. Sorting and finding in the list of everyone; without scripts the list is there as it is. */
(() => {
const unfold = () => {
const aim = location.hash && document.getElementById(location.hash.slice(1));
const fold = aim && aim.closest("details");
if (fold) { fold.open = true; aim.scrollIntoView(); }
};
addEventListener("hashchange", unfold);
unfold();
const list = document.getElementById("all");
if (!list || list.children.length < 9) return;
const rows = [...list.children], text = row => row.querySelector("a, summary").textContent;
const figure = (row, word) => +((text(row).match(RegExp("(\\d+)\\S* " + word)) || [0, -1])[1]);
const name = row => row.querySelector("bdi").textContent;
const orders = {
risk: () => 0,
name: (a, b) => name(a).localeCompare(name(b)),
"least done": (a, b) => figure(a, "done") - figure(b, "done"),
"longest silent": (a, b) => figure(b, "d silent") - figure(a, "d silent"),
};
const tools = document.createElement("p");
tools.className = "tools";
const labelled = (words, field) => {
const label = document.createElement("label");
label.append(words + " ", field);
tools.append(label);
return field;
};
const find = labelled("Find", document.createElement("input"));
find.type = "search";
const sort = labelled("Sort by", document.createElement("select"));
for (const order in orders) sort.append(new Option(order));
const told = document.createElement("span");
told.setAttribute("role", "status");
tools.append(told);
sort.onchange = () => list.append(...[...rows].sort(orders[sort.value]));
find.oninput = () => {
const wanted = find.value.trim().toLowerCase();
let shown = 0;
for (const row of rows) shown += !(row.hidden = !text(row).toLowerCase().includes(wanted));
told.textContent = wanted && shown + " of " + rows.length;
};
list.before(tools);
})();
