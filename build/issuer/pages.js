// The issuer's pages: plain HTML without outside parts. No user's name is on any of them but the one typed in.

import { createHash } from 'node:crypto';

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f3f4f6; color: #1f2937; }
main { max-width: 22rem; margin: 12vh auto 0; padding: 2rem; background: #fff; border-radius: .5rem;
       box-shadow: 0 1px 4px rgb(0 0 0 / .2); }
h1 { font-size: 1.25rem; margin: 0 0 1rem; }
label { display: block; margin-top: 1rem; }
input { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit; border: 1px solid #9ca3af;
        border-radius: .25rem; }
button { margin-top: 1.5rem; width: 100%; padding: .6rem; font: inherit; color: #fff; background: #1d4ed8; border: 0;
         border-radius: .25rem; cursor: pointer; }
a { color: #1d4ed8; }
.error { color: #b91c1c; }
.announcement { padding: .5rem .75rem; background: #fef3c7; border-radius: .25rem; white-space: pre-line;
                overflow-wrap: anywhere; }
.hint { color: #6b7280; font-size: .875rem; }
`;

const SUBMIT = 'document.addEventListener("DOMContentLoaded", () => document.forms[0].requestSubmit());';

const ESCAPES = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;',
};

const escape = (text) => String(text).replace(/[&<>"']/g, (character) => ESCAPES[character]);

const sha256 = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

// The Content-Security-Policy of every response. form-action applies to redirects too, and signing in and out ends at
// the client. oidc-provider adds its own script's hash to script-src.
export function contentSecurityPolicy(publicUrl) {
  return [
    "default-src 'none'",
    `style-src ${sha256(STYLE)}`,
    `script-src ${sha256(SUBMIT)}`,
    `form-action 'self' ${publicUrl}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join(';');
}

function page(title, body, script = '') {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>${script && `\n<script>${script}</script>`}
</head>
<body>
<main>
<h1>${escape(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

export function signInPage({ action, name = '', error = '', announcement = '' }) {
  return page('Sign in to BriCS JupyterHub', `
${announcement && `<p class="announcement">${escape(announcement)}</p>`}
${error && `<p class="error" role="alert">${escape(error)}</p>`}
<form method="post" action="${escape(action)}">
<label for="username">User name</label>
<input id="username" name="username" value="${escape(name)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" maxlength="64" required ${name ? '' : 'autofocus'}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required
 ${name ? 'autofocus' : ''}>
<button type="submit">Sign in</button>
</form>
<p class="hint">The local sign-in of a development environment. Its password was printed when it was started.</p>`);
}

// The form sends itself, or has a button where there is no JavaScript.
export function signOutPage(form) {
  return page('Signing out', `
${form.replace('</form>', '<input type="hidden" name="logout" value="yes"></form>')}
<noscript><button type="submit" form="op.logoutForm">Sign out</button></noscript>`, SUBMIT);
}

export function confirmSignOutPage(form) {
  return page('Do you want to sign out?', `
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button type="submit" form="op.logoutForm">Stay signed in</button>`);
}

export function messagePage(title, text, link) {
  return page(title, `<p>${escape(text)}</p>\n<p><a href="${escape(link)}">Continue to JupyterHub</a></p>`);
}
