(function () {
  var table = document.getElementById('list'), filter = document.getElementById('filter');
  function visible() { return Array.prototype.filter.call(table.tBodies[0].rows, function (row) { return !row.hidden; }); }
  function say(what, holds) { document.body.setAttribute('data-' + what, holds ? 'yes' : 'no'); }
  function type(text) { filter.value = text; filter.dispatchEvent(new Event('input')); }
  var all = visible().length;
  type('gid_ledger');
  say('filtered', visible().length === 43 && document.getElementById('shown').textContent === '43 of 280 rows');
  type('');
  say('everything', visible().length === all);
  var head = table.tHead.rows[0].cells[0];
  head.querySelector('button').click();
  head.querySelector('button').click();
  var numbers = visible().map(function (row) { return Number(row.cells[0].textContent); });
  say('sorted', head.getAttribute('aria-sort') === 'descending' && numbers.every(function (number, at) { return at === 0 || numbers[at - 1] >= number; }));
}());
