(function () {
  var table = document.getElementById('list'), filter = document.getElementById('filter');
  function each(list, keep) { return Array.prototype.filter.call(list, keep); }
  /* The first row of a section is its name. */
  function visible(section) { return section.hidden ? [] : each(section.rows, function (row, at) { return at > 0 && !row.hidden; }); }
  function sections() { return Array.prototype.map.call(table.tBodies, visible); }
  function number() { return sections().reduce(function (sum, rows) { return sum + rows.length; }, 0); }
  function say(what, holds) { document.body.setAttribute('data-' + what, holds ? 'yes' : 'no'); }
  function type(text) { filter.value = text; filter.dispatchEvent(new Event('input')); }
  var all = number();
  type('gid_ledger');
  say('filtered', number() === 43 && document.getElementById('shown').textContent === '43 of 290 rows are shown');
  type('');
  say('everything', number() === all && all === 290);
  var head = table.tHead.rows[0].cells[0];
  head.querySelector('button').click();
  head.querySelector('button').click();
  say('sorted', head.getAttribute('aria-sort') === 'descending' && sections().every(function (rows) {
    var numbers = rows.map(function (row) { return Number(row.cells[0].textContent); });
    return numbers.every(function (number, at) { return at === 0 || numbers[at - 1] >= number; });
  }));
}());
