import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

const etc = mkdtempSync(join(tmpdir(), 'issuer-'));
process.env.BRICS_ETC = etc; // read when the module is loaded
const {
  announcement, devUsers, password, settings,
} = await import('../../build/issuer/settings.js');

after(() => rmSync(etc, { recursive: true }));

function write(path, text) {
  mkdirSync(dirname(join(etc, path)), { recursive: true });
  writeFileSync(join(etc, path), text);
}

write('deploy/oidcServer', 'http://127.0.0.1:8090/\n');
write('deploy/publicUrl', 'http://127.0.0.1:8000/jupyter\n');
write('deploy/jwtAudience', 'brics-jupyterhub\n');
write('deploy/bricsPlatform', 'brics.dev\n');
write('signin-proxy-secret/clientSecret', 'secret\n');

test('settings are read without the line ends, and URLs without a path', () => {
  assert.deepEqual(settings(), {
    issuer: 'http://127.0.0.1:8090',
    port: 8090,
    publicUrl: 'http://127.0.0.1:8000',
    audience: 'brics-jupyterhub',
    platform: 'brics.dev',
    clientSecret: 'secret',
    tokenSeconds: 8 * 3600,
  });
});

test('a changed password counts at once, and is taken to the letter', () => {
  write('deploy-secret/dummyAuthPassword', 'first ');
  assert.equal(password(), 'first ');
  write('deploy-secret/dummyAuthPassword', 'second');
  assert.equal(password(), 'second');
});

test('an announcement may be missing, and come and go', () => {
  assert.equal(announcement(), '');
  write('announcement/text', 'Maintenance on Monday\n');
  assert.equal(announcement(), 'Maintenance on Monday');
  rmSync(join(etc, 'announcement/text'));
  assert.equal(announcement(), '');
});

test('a file that is not JSON is named, and nothing of it is shown', () => {
  write('dev_users/dev_users.json', '{"alice": secret}');
  assert.throws(devUsers, (error) => error.message.endsWith('dev_users.json: not JSON'));
});
