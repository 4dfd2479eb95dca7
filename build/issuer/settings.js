// What the issuer is told: files of its ConfigMaps and Secrets. Keys of deploy-config:
//
//   oidcServer     this issuer's URL, for browsers and containers alike
//   publicUrl      where browsers find the proxy, the one client, without a path or a slash at the end
//   jwtAudience    the client's ID, which is the audience of its tokens
//   bricsPlatform  the name of the resource that every project has
//
// The environment variable TOKEN_SECONDS: how long an ID token, and with it the proxy's session, lasts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const DEFAULT_TOKEN_SECONDS = 8 * 3600;
const ETC = process.env.BRICS_ETC ?? '/etc/brics';

export const STATE = process.env.BRICS_STATE ?? '/var/lib/issuer';
export const KEYS_FILE = join(ETC, 'issuer-keys/jwks.json');
export const DEV_USERS_FILE = join(ETC, 'dev_users/dev_users.json');

export function settings() {
  const issuer = url('oidcServer');
  return {
    issuer,
    port: Number(new URL(issuer).port || 80),
    publicUrl: url('publicUrl'),
    audience: file('deploy/jwtAudience'),
    platform: file('deploy/bricsPlatform'),
    clientSecret: file('signin-proxy-secret/clientSecret'),
    tokenSeconds: Number(process.env.TOKEN_SECONDS ?? DEFAULT_TOKEN_SECONDS),
  };
}

// Read anew for each sign-in: a password that was changed counts at once.
export const password = () => readFileSync(join(ETC, 'deploy-secret/dummyAuthPassword'), 'utf8');

// Read anew for each page; without the file there is none.
export function announcement() {
  try {
    return file('announcement/text');
  } catch {
    return '';
  }
}

export const signingKeys = () => json(KEYS_FILE);
export const devUsers = () => json(DEV_USERS_FILE);

function json(path) {
  const text = readFileSync(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path}: not JSON`); // the parser's own message shows a part of the text
  }
}

function url(key) {
  return new URL(file(`deploy/${key}`)).origin;
}

function file(path) {
  return readFileSync(join(ETC, path), 'utf8').trimEnd();
}
