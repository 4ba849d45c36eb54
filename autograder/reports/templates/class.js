"use strict";
// Sorts and searches the table of students. Without it the table is a plain one: what only works with it is made here.
{
  const table = document.getElementById("table");
  if (table) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const headings = Array.from(table.tHead.rows[0].cells);
    const search = document.getElementById("search");
    const found = document.getElementById("found");
    const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
    const compare = new Map();
    let haystacks = null;
    let sorted = "";

    const say = () => {
      const left = rows.reduce((sum, row) => sum + !row.hidden, 0);
      const all = rows.length === 1 ? "1 submission" : `${rows.length} submissions`;
      found.textContent = (left === rows.length ? all : `${left} of ${all}`) + sorted;
    };

    const filter = () => {
      haystacks ??= rows.map((row) => `${row.cells[0].textContent} ${row.cells[2].textContent}`.toLowerCase());
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => haystacks[i].includes(word));
      });
      say();
    };

    // the order of the rows from least to most, found once for each column; rows without a value stand last both ways
    const ordered = (column) => {
      if (!compare.has(column)) {
        const texts = rows.map((row) => row.cells[column].textContent);
        const isNumber = headings[column].dataset.kind === "number";
        const values = isNumber ? texts.map(parseFloat) : texts;
        const places = [...rows.keys()];
        const known = places.filter((i) => !Number.isNaN(values[i]));
        const unknown = places.filter((i) => Number.isNaN(values[i]));
        known.sort((a, b) => (isNumber ? values[a] - values[b] : names.compare(values[a], values[b])));
        compare.set(column, [known, unknown]);
      }
      return compare.get(column);
    };

    const sort = (column) => {
      const heading = headings[column];
      const down = heading.getAttribute("aria-sort") === "ascending";
      const [known, unknown] = ordered(column);
      const order = (down ? [...known].reverse() : known).concat(unknown);
      for (const one of headings) one.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.replaceChildren(...order.map((i) => rows[i]));
      sorted = `, by ${heading.textContent.toLowerCase()}, ${down ? "from the last to the first" : "from the first to the last"}`;
      if (heading.dataset.kind) sorted = `, by ${heading.textContent.toLowerCase()}, ${down ? "most" : "least"} first`;
      say();
    };

    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(column));
      heading.append(button);
    });
    headings[0].setAttribute("aria-sort", "ascending"); // as the rows were written
    search.addEventListener("input", filter);
    document.getElementById("tools").hidden = false;
    if (search.value) filter(); // a browser may put back what stood there
    else say();
  }
}
