// The local OpenID provider of dev_realauth. New keys and users count as soon as their files change.

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, watchFile, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { requestHandler } from './provider.js';
import {
  DEV_USERS_FILE, devUsers, KEYS_FILE, password, settings as readSettings, signingKeys, STATE,
} from './settings.js';
import { Store } from './store.js';
import { Throttle } from './throttle.js';

// Fixed, and not the URL's: the port that the issuer has on this machine leads here.
const PORT = 8090;
const POLL_MS = 1000;
// An ID token of 32 KiB comes back in the URL when a user signs out.
const MAX_HEADER_BYTES = 128 * 1024;

const log = (message) => console.log(`${new Date().toISOString()} ${message}`);

// The key that signs cookies; made at the first start, so that sessions survive a restart.
function cookieKey() {
  const file = join(STATE, 'cookie_key');
  if (!existsSync(file)) {
    writeFileSync(`${file}.new`, randomBytes(32).toString('base64url'), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  return readFileSync(file, 'utf8');
}

const settings = readSettings();
const store = new Store(join(STATE, 'entries'));
const throttle = new Throttle();
const cookieKeys = [cookieKey()];

function load() {
  const keys = signingKeys();
  const handler = requestHandler({
    settings, keys, devUsers: devUsers(), cookieKeys, store, throttle, password, log,
  });
  log(`key ${keys.keys[0].kid} signs, ${keys.keys.length} published`);
  return handler;
}

let handler = load();
for (const file of [KEYS_FILE, DEV_USERS_FILE]) {
  watchFile(file, { interval: POLL_MS }, () => {
    try {
      handler = load();
    } catch (error) {
      log(`a change of ${file} is not used: ${error.message}`);
    }
  });
}

const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => handler(request, response));
server.listen(PORT, '0.0.0.0', () => log(`listening as ${settings.issuer}`));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
