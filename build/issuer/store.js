// Where oidc-provider keeps sessions, grants and codes: in memory, and each entry in a file of its own, so that
// users stay signed in when the issuer restarts. One process only.

import { createHash } from 'node:crypto';
import {
  mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const SWEEP_MS = 60_000;
// Anybody can begin a sign-in: the oldest of the unfinished ones make way.
const MAX_INTERACTIONS = 5_000;

const now = () => Math.floor(Date.now() / 1000);

export class Store {
  #directory;

  #entries = new Map();

  constructor(directory) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) this.#load(join(directory, name));
    setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  get(model, id) {
    const entry = this.#entries.get(`${model}:${id}`);
    return entry && entry.expires > now() ? entry.payload : undefined;
  }

  // The first entry of a model that fits.
  find(model, fits) {
    for (const entry of this.#of(model)) if (entry.expires > now() && fits(entry.payload)) return entry.payload;
    return undefined;
  }

  set(model, id, payload, expires) {
    const entry = { model, id, payload, expires };
    const key = `${model}:${id}`;
    if (model === 'Interaction' && !this.#entries.has(key)) this.#makeRoom();
    this.#entries.set(key, entry);
    const file = this.#file(key);
    writeFileSync(`${file}.new`, JSON.stringify(entry), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  // Replaces an entry's payload, not its expiry.
  update(model, id, payload) {
    const entry = this.#entries.get(`${model}:${id}`);
    if (entry) this.set(model, id, payload, entry.expires);
  }

  delete(model, id) {
    this.#remove(`${model}:${id}`);
  }

  deleteWhere(model, fits) {
    for (const entry of [...this.#of(model)]) if (fits(entry.payload)) this.delete(model, entry.id);
  }

  * #of(model) {
    for (const entry of this.#entries.values()) if (entry.model === model) yield entry;
  }

  #makeRoom() {
    const interactions = [...this.#of('Interaction')];
    for (const { id } of interactions.slice(0, Math.max(0, interactions.length - MAX_INTERACTIONS + 1))) {
      this.delete('Interaction', id);
    }
  }

  #load(file) {
    try {
      const entry = JSON.parse(readFileSync(file, 'utf8'));
      if (file.endsWith('.json') && entry.expires > now()) {
        this.#entries.set(`${entry.model}:${entry.id}`, entry);
        return;
      }
    } catch {
      // Cut short by a crash: of no use, and removed like one that has expired.
    }
    rmSync(file, { force: true });
  }

  #sweep() {
    for (const [key, entry] of this.#entries) if (entry.expires <= now()) this.#remove(key);
  }

  #remove(key) {
    if (this.#entries.delete(key)) rmSync(this.#file(key), { force: true });
  }

  // IDs are secrets and not all file names: their digest is the name.
  #file(key) {
    return join(this.#directory, `${createHash('sha256').update(key).digest('hex')}.json`);
  }
}

// oidc-provider's adapter interface, for one of its models.
export class StoreAdapter {
  constructor(model, store) {
    this.model = model;
    this.store = store;
  }

  async upsert(id, payload, expiresIn) {
    this.store.set(this.model, id, payload, now() + expiresIn);
  }

  async find(id) {
    return this.store.get(this.model, id);
  }

  async findByUid(uid) {
    return this.store.find(this.model, (payload) => payload.uid === uid);
  }

  async findByUserCode() {
    return undefined; // the device flow is off
  }

  async consume(id) {
    const payload = this.store.get(this.model, id);
    if (payload) this.store.update(this.model, id, { ...payload, consumed: now() });
  }

  async destroy(id) {
    this.store.delete(this.model, id);
  }

  async revokeByGrantId(grantId) {
    this.store.deleteWhere(this.model, (payload) => payload.grantId === grantId);
  }
}
