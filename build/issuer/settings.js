// What the issuer is told: its environment, and the files of its ConfigMaps and Secrets.
//
//   ISSUER_URL      this issuer, for browsers and containers alike; its port is the one that is listened on
//   PUBLIC_URL      where browsers find the proxy, the one client, without a path or a slash at the end
//   BASE_URL        the hub's path behind the proxy, for example /jupyter
//   TOKEN_SECONDS   how long an ID token, and with it the proxy's session, lasts (default: 8 hours)

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ETC = process.env.BRICS_ETC ?? '/etc/brics';

export const STATE = process.env.BRICS_STATE ?? '/var/lib/issuer';
export const KEYS_FILE = join(ETC, 'issuer-keys/jwks.json');
export const DEV_USERS_FILE = join(ETC, 'dev_users/dev_users');

export function settings() {
  const issuer = url('ISSUER_URL');
  return {
    issuer,
    port: Number(new URL(issuer).port || 80),
    publicUrl: url('PUBLIC_URL'),
    basePath: variable('BASE_URL').replace(/\/+$/, ''),
    tokenSeconds: Number(process.env.TOKEN_SECONDS ?? 8 * 3600),
    audience: file('deploy/jwtAudience'),
    platform: file('deploy/bricsPlatform'),
    clientSecret: file('signin-proxy-secret/clientSecret'),
  };
}

// Read anew for each sign-in: a password that was changed counts at once.
export const password = () => readFileSync(join(ETC, 'deploy-secret/dummyAuthPassword'), 'utf8');

export const signingKeys = () => JSON.parse(readFileSync(KEYS_FILE, 'utf8'));

export const devUsers = () => readFileSync(DEV_USERS_FILE, 'utf8');

function variable(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

function url(name) {
  return new URL(variable(name)).origin;
}

function file(path) {
  return readFileSync(join(ETC, path), 'utf8').trimEnd();
}
