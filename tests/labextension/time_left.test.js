import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newMark, readMarks, words } from '../../build/slurm/labextension/static/time_left.js';

test('marks are minutes', () => {
  assert.deepEqual(readMarks('30 10 2'), [1800, 600, 120]);
  assert.deepEqual(readMarks(''), []);
});

test('a mark counts once, when it is passed', () => {
  const marks = [1800, 600];
  assert.equal(newMark(marks, 1803, 1801), false);
  assert.equal(newMark(marks, 1801, 1799), true);
  assert.equal(newMark(marks, 1799, 1797), false);
  assert.equal(newMark(marks, 601, 600), true);
  assert.equal(newMark([], 601, 600), false);
});

test('a page that is opened late, or a computer that has slept, warns once for all marks passed', () => {
  assert.equal(newMark([1800, 600], Infinity, 300), true);
  assert.equal(newMark([1800, 600], 300, 295), false);
  assert.equal(newMark([1800, 600], Infinity, 7200), false);
  assert.equal(newMark([1800, 600], 7200, 300), true);
});

test('nobody is warned of a job whose time is up', () => {
  assert.equal(newMark([1800], 1900, 0), false);
  assert.equal(newMark([1800], Infinity, -5), false);
});

test('words', () => {
  const expected = {
    [-1]: 'time is up', 0: 'time is up', 1: 'less than 1 min left', 59.9: 'less than 1 min left', 60: '1 min left',
    3599: '59 min left', 3600: '1 h 0 min left', 86399: '23 h 59 min left', 90000: '1 d 1 h left',
  };
  for (const [seconds, text] of Object.entries(expected)) assert.equal(words(Number(seconds)), text);
  assert.equal(words(90, ''), '1 min');
});
