// The sign-in page: name and password, for every interaction that oidc-provider asks for.

import { createHash, timingSafeEqual } from 'node:crypto';

import { errors } from 'oidc-provider';

import { messagePage, signInPage } from './pages.js';
import { announcement } from './settings.js';

const MAX_BODY = 8 * 1024;
const UNKNOWN = Symbol('unknown');

const digest = (text) => createHash('sha256').update(text).digest();

export const interactionPath = (uid) => `/interaction/${uid}`;

// Koa middleware for /interaction/UID.
export function signIn({ provider, accounts, password, throttle, settings, log }) {
  async function attempt(ctx, form) {
    const name = form.get('username') ?? '';
    const known = accounts.has(name);
    const counted = known ? name : UNKNOWN;
    const wait = throttle.wait(counted);
    if (wait) {
      ctx.status = 429;
      ctx.set('Retry-After', String(wait));
      return `Too many attempts. Try again in ${wait} seconds.`;
    }
    // Digests: compared in the same time whatever the lengths, and for unknown names as well.
    const right = timingSafeEqual(digest(form.get('password') ?? ''), digest(password()));
    if (!known || !right) {
      throttle.failed(counted);
      // Not what was typed: it may be a password.
      log(known ? `sign-in of ${name} refused: wrong password` : 'sign-in refused: unknown user name');
      ctx.status = 403;
      return 'Wrong user name or password.';
    }
    throttle.succeeded(counted);
    log(`${name} signed in`);
    const result = { login: { accountId: name, remember: false } };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false }));
    ctx.status = 303;
    return '';
  }

  async function serve(ctx) {
    const { uid } = await provider.interactionDetails(ctx.req, ctx.res);
    const action = interactionPath(uid);
    if (ctx.path !== action) throw new errors.SessionNotFound('another interaction');
    if (ctx.method !== 'POST') {
      ctx.body = signInPage({ action, announcement: announcement() });
      return;
    }
    if (!isOwnForm(ctx, settings.issuer)) ctx.throw(403);
    const form = new URLSearchParams(await body(ctx));
    const error = await attempt(ctx, form);
    if (error) {
      const { status } = ctx;
      const name = form.get('username') ?? '';
      ctx.body = signInPage({ action, name, error, announcement: announcement() });
      ctx.status = status;
    }
  }

  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) {
      await next();
      return;
    }
    if (!['GET', 'HEAD', 'POST'].includes(ctx.method)) ctx.throw(405);
    ctx.set('Cache-Control', 'no-store');
    ctx.type = 'html';
    try {
      await serve(ctx);
    } catch (error) {
      if (!(error instanceof errors.SessionNotFound)) throw error;
      ctx.body = messagePage('This page has expired', 'Begin again.', `${settings.publicUrl}/`);
      ctx.status = 400;
    }
  };
}

// A form on another site cannot sign anybody in: its request lacks the SameSite cookie, and says where it is from.
function isOwnForm(ctx, issuer) {
  return ctx.get('Origin') === issuer && ['', 'same-origin'].includes(ctx.get('Sec-Fetch-Site'))
    && Boolean(ctx.is('application/x-www-form-urlencoded'));
}

async function body(ctx) {
  const chunks = [];
  let size = 0;
  for await (const chunk of ctx.req) {
    size += chunk.length;
    if (size > MAX_BODY) ctx.throw(413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
