import assert from 'node:assert/strict';
import {
  mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { Store, StoreAdapter } from '../../build/issuer/store.js';

function inDirectory(run) {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'issuer-'));
    try {
      await run(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

test('what is kept outlives a restart', inDirectory(async (directory) => {
  await new StoreAdapter('Session', new Store(directory)).upsert('id', { uid: 'u' }, 60);
  const again = new StoreAdapter('Session', new Store(directory));
  assert.deepEqual(await again.find('id'), { uid: 'u' });
  assert.deepEqual(await again.findByUid('u'), { uid: 'u' });
  assert.equal(await again.findByUid('another'), undefined);
  assert.equal(await new StoreAdapter('Grant', again.store).find('id'), undefined);
}));

test('files are private, and their names tell no ID', inDirectory(async (directory) => {
  await new StoreAdapter('Session', new Store(directory)).upsert('../secret-id', { uid: 'u' }, 60);
  const [name, ...others] = readdirSync(directory);
  assert.deepEqual(others, []);
  assert.match(name, /^[0-9a-f]{64}\.json$/);
  assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
  assert.match(readFileSync(join(directory, name), 'utf8'), /secret-id/);
}));

test('what has expired is not found, and not loaded', inDirectory(async (directory) => {
  const adapter = new StoreAdapter('Session', new Store(directory));
  await adapter.upsert('id', { uid: 'u' }, -1);
  assert.equal(await adapter.find('id'), undefined);
  assert.equal(await adapter.findByUid('u'), undefined);
  assert.equal(readdirSync(directory).length, 1);
  assert.ok(new Store(directory));
  assert.deepEqual(readdirSync(directory), []);
}));

test('what a crash has left is removed', inDirectory((directory) => {
  writeFileSync(join(directory, 'cut.json'), '{"model": "Sess');
  writeFileSync(join(directory, 'other.json.new'), '{}');
  assert.ok(new Store(directory));
  assert.deepEqual(readdirSync(directory), []);
}));

test('a code is consumed once, and keeps its expiry', inDirectory(async (directory) => {
  const adapter = new StoreAdapter('AuthorizationCode', new Store(directory));
  await adapter.upsert('code', { grantId: 'g' }, 60);
  await adapter.consume('code');
  assert.ok((await adapter.find('code')).consumed);
  await adapter.consume('no such code');
  assert.equal(await adapter.find('no such code'), undefined);
}));

test('revoking a grant removes what comes of it alone', inDirectory(async (directory) => {
  const adapter = new StoreAdapter('AccessToken', new Store(directory));
  await adapter.upsert('one', { grantId: 'g' }, 60);
  await adapter.upsert('two', { grantId: 'g' }, 60);
  await adapter.upsert('other', { grantId: 'h' }, 60);
  await adapter.revokeByGrantId('g');
  assert.equal(await adapter.find('one'), undefined);
  assert.equal(await adapter.find('two'), undefined);
  assert.deepEqual(await adapter.find('other'), { grantId: 'h' });
  await adapter.destroy('other');
  assert.deepEqual(readdirSync(directory), []);
}));

test('unfinished sign-ins are bounded: the oldest make way', inDirectory(async (directory) => {
  const adapter = new StoreAdapter('Interaction', new Store(directory));
  for (let count = 0; count < 5_001; count += 1) await adapter.upsert(`i${count}`, {}, 60);
  assert.equal(await adapter.find('i0'), undefined);
  assert.ok(await adapter.find('i1'));
  assert.ok(await adapter.find('i5000'));
  assert.equal(readdirSync(directory).length, 5_000);
}));
