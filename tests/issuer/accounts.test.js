import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accounts } from '../../build/issuer/accounts.js';

test('an account has the claims that the hub reads', () => {
  const users = { alice: { 'project1.brics': { name: 'Project 1', username: 'alice.project1' } } };
  const found = accounts(users, 'brics.dev');
  assert.deepEqual([...found.keys()], ['alice']);
  assert.equal(found.get('alice').accountId, 'alice');
  assert.deepEqual(found.get('alice').claims(), {
    sub: 'alice',
    short_name: 'alice',
    projects: {
      'project1.brics': {
        name: 'Project 1', resources: [{ name: 'brics.dev', username: 'alice.project1' }],
      },
    },
  });
});

test('names that objects have by themselves are no accounts', () => {
  const found = accounts({}, 'brics.dev');
  for (const name of ['constructor', '__proto__', 'toString']) assert.equal(found.get(name), undefined);
});
