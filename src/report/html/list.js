(function () {
  'use strict';
  /* Filter and sort for the list of breaks. Without it the list is the same, in the order of the input. */
  var table = document.getElementById('list');
  if (!table) { return; }
  var tools = document.getElementById('tools');
  var filter = document.getElementById('filter');
  var shown = document.getElementById('shown');
  var all = 0;
  var sections = Array.prototype.map.call(table.tBodies, function (body) {
    var rows = Array.prototype.slice.call(body.rows, 1);
    var last = rows.length && rows[rows.length - 1].className === 'more' ? rows.pop() : null;
    all += rows.length;
    return {
      body: body,
      head: body.rows[0].textContent.toLowerCase(),
      rows: rows.map(function (row) { return { row: row, text: row.textContent.toLowerCase() }; }),
      last: last
    };
  });

  function has(text, words) { return words.every(function (word) { return text.indexOf(word) >= 0; }); }

  function show() {
    var words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    var count = 0;
    sections.forEach(function (section) {
      var some = false;
      section.rows.forEach(function (each) {
        var hit = has(section.head + ' ' + each.text, words);
        each.row.hidden = !hit;
        some = some || hit;
        count += hit ? 1 : 0;
      });
      section.body.hidden = !some;
    });
    shown.textContent = shown.getAttribute('data-text').replace('{shown}', count).replace('{all}', all);
  }

  function sort(column, down) {
    var order = new Intl.Collator(undefined, { numeric: true }).compare;
    sections.forEach(function (section) {
      section.rows.forEach(function (each) {
        each.key = each.row.cells[column] ? each.row.cells[column].textContent : '';
      });
      section.rows.sort(function (a, b) { return down * order(a.key, b.key); });
      section.rows.forEach(function (each) { section.body.appendChild(each.row); });
      if (section.last) { section.body.appendChild(section.last); }
    });
  }

  var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  heads.forEach(function (head, column) {
    var button = document.createElement('button');
    button.type = 'button';
    while (head.firstChild) { button.appendChild(head.firstChild); }
    head.appendChild(button);
    button.addEventListener('click', function () {
      var ascending = head.getAttribute('aria-sort') !== 'ascending';
      heads.forEach(function (other) { other.removeAttribute('aria-sort'); });
      head.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
      sort(column, ascending ? 1 : -1);
    });
  });
  filter.addEventListener('input', show);
  tools.hidden = false;
  show();
}());
