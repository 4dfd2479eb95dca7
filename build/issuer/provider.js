// oidc-provider, configured for one client (the proxy) that the users of dev_users sign in to without a consent page.

import Provider from 'oidc-provider';

import { accounts as readAccounts } from './accounts.js';
import { confirmSignOutPage, contentSecurityPolicy, messagePage, signOutPage } from './pages.js';
import { interactionPath, signIn } from './signin.js';
import { StoreAdapter } from './store.js';

const ALGORITHM = 'RS256';
const HOUR = 3600;
const ROUTES = '/openid';

// A request handler for node's HTTP server, made of the present keys and users.
//   keys: a JWK Set with private keys; the first signs, all are published
//   devUsers: the users of dev_users, as accounts() takes them
export function requestHandler({ settings, keys, devUsers, cookieKeys, store, throttle, password, log }) {
  const accounts = readAccounts(devUsers, settings.platform);
  const provider = new Provider(settings.issuer, configuration({ settings, keys, accounts, cookieKeys, store }));
  for (const event of ['authorization.error', 'grant.error', 'end_session.error', 'server_error']) {
    provider.on(event, (ctx, error) => log(`${event}: ${error.error ?? error.name}: ${error.error_description ?? ''}`));
  }
  provider.on('end_session.success', () => log('signed out'));
  provider.use(async (ctx, next) => {
    ctx.set({
      'Content-Security-Policy': contentSecurityPolicy(settings.publicUrl),
      // URLs hold codes and tokens. (With 'no-referrer' a browser says "Origin: null" of our own form.)
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
    });
    // URLs in answers are made from the Host header: only our own name is answered.
    if (ctx.host !== new URL(settings.issuer).host) ctx.throw(421);
    await next();
  });
  provider.use(forgetUnknownHints({ keys, settings }));
  provider.use(signIn({ provider, accounts, password, throttle, settings, log }));
  return provider.callback();
}

function configuration({ settings, keys, accounts, cookieKeys, store }) {
  const home = `${settings.publicUrl}/`;
  // Cookies know no ports: without the port in their names, instances on one machine would share them.
  const cookie = (name) => `issuer_${settings.port}_${name}`;
  return {
    adapter: (model) => new StoreAdapter(model, store),
    jwks: keys,
    cookies: {
      keys: cookieKeys,
      names: { session: cookie('session'), interaction: cookie('interaction'), resume: cookie('resume') },
      // Nor do they know origins: with this path the browser does not take the session to the hub's addresses.
      long: { httpOnly: true, sameSite: 'lax', signed: true, path: ROUTES },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    clients: [{
      // The audience of an ID token is the client that asked for it.
      client_id: settings.audience,
      client_secret: settings.clientSecret,
      redirect_uris: [`${settings.publicUrl}/oidc/callback`],
      post_logout_redirect_uris: [home],
      response_types: ['code'],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: ALGORITHM,
    }],
    clientAuthMethods: ['client_secret_basic'],
    routes: {
      authorization: `${ROUTES}/auth`, end_session: `${ROUTES}/end`, jwks: `${ROUTES}/jwks`, token: `${ROUTES}/token`,
    },
    responseTypes: ['code'],
    scopes: ['openid'],
    claims: { openid: ['sub', 'short_name', 'projects'] },
    conformIdTokenClaims: false, // the claims go into the ID token itself
    pkce: { required: () => true },
    clientBasedCORS: () => false,
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          // Only who has the user's own token may sign the user out without a question.
          const ours = ctx.oidc.entities.IdTokenHint?.payload.sub === ctx.oidc.session.accountId;
          ctx.body = ours ? signOutPage(form) : confirmSignOutPage(form);
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.body = messagePage('Signed out', 'You are signed out.', home);
        },
      },
    },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 24 * HOUR,
      IdToken: settings.tokenSeconds,
      Interaction: HOUR,
      Session: 24 * HOUR,
    },
    interactions: { url: (ctx, interaction) => interactionPath(interaction.uid) },
    findAccount: (ctx, id) => accounts.get(id),
    loadExistingGrant: async (ctx) => (await existingGrant(ctx)) ?? newGrant(ctx),
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = messagePage('Sign-in failed', out.error_description ?? out.error, home);
    },
  };
}

function existingGrant({ oidc }) {
  const id = oidc.session.grantIdFor(oidc.client.clientId);
  return id && oidc.provider.Grant.find(id);
}

// The client is the environment's own proxy: there is nothing to consent to.
async function newGrant({ oidc }) {
  const grant = new oidc.provider.Grant({ accountId: oidc.session.accountId, clientId: oidc.client.clientId });
  grant.addOIDCScope('openid');
  await grant.save();
  return grant;
}

// A user who signed in before a key was removed signs out with a token that no key verifies any more. The request then
// counts as one without a token: the user is asked, and comes back to the same page.
function forgetUnknownHints({ keys, settings }) {
  const known = new Set(keys.keys.map(({ kid }) => kid));
  return async (ctx, next) => {
    if (ctx.path === `${ROUTES}/end` && ctx.query.id_token_hint && !known.has(keyId(ctx.query.id_token_hint))) {
      const { id_token_hint: hint, ...query } = ctx.query;
      ctx.query = { ...query, client_id: settings.audience };
    }
    await next();
  };
}

function keyId(token) {
  try {
    return JSON.parse(Buffer.from(String(token).split('.')[0], 'base64url').toString('utf8')).kid;
  } catch {
    return undefined;
  }
}
