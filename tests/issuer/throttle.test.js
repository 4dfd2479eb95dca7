import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Throttle } from '../../build/issuer/throttle.js';

function atTime() {
  const clock = { now: 1_000_000 };
  return { clock, throttle: new Throttle(() => clock.now) };
}

test('ten failures in a minute close an account, and no other', () => {
  const { throttle } = atTime();
  for (let count = 0; count < 9; count += 1) throttle.failed('alice');
  assert.equal(throttle.wait('alice'), 0);
  throttle.failed('alice');
  assert.equal(throttle.wait('alice'), 60);
  assert.equal(throttle.wait('bob'), 0);
});

test('it opens when the oldest failure is a minute old', () => {
  const { clock, throttle } = atTime();
  throttle.failed('alice');
  clock.now += 30_000;
  for (let count = 0; count < 9; count += 1) throttle.failed('alice');
  assert.equal(throttle.wait('alice'), 30);
  clock.now += 29_999;
  assert.equal(throttle.wait('alice'), 1);
  clock.now += 1;
  assert.equal(throttle.wait('alice'), 0);
});

test('a success forgets the failures', () => {
  const { throttle } = atTime();
  for (let count = 0; count < 10; count += 1) throttle.failed('alice');
  throttle.succeeded('alice');
  assert.equal(throttle.wait('alice'), 0);
});
