import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import {
  confirmSignOutPage, contentSecurityPolicy, messagePage, signInPage, signOutPage,
} from '../../build/issuer/pages.js';

const EVIL = '"><script>alert(1)</script>\'&';
const ESCAPED = '&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;';
const FORM = '<form id="op.logoutForm" method="post" action="/x"><input name="xsrf" value="1"></form>';

const digests = (html, tag) => [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))]
  .map(([, text]) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);

test('what comes from outside is escaped everywhere', () => {
  const pages = [
    signInPage({ action: EVIL, name: EVIL, error: EVIL, announcement: EVIL }),
    messagePage(EVIL, EVIL, EVIL),
  ];
  for (const page of pages) {
    assert.ok(!page.includes('<script>alert'), page);
    assert.ok(page.includes(ESCAPED));
  }
});

test('the policy allows the style and the script of every page, and nothing else', () => {
  const policy = contentSecurityPolicy('http://127.0.0.1:8000');
  const pages = [signInPage({ action: '/x' }), signOutPage(FORM), confirmSignOutPage(FORM), messagePage('a', 'b', '/c')];
  for (const page of pages) {
    for (const digest of digests(page, 'style')) assert.ok(policy.includes(`style-src ${digest};`));
    for (const digest of digests(page, 'script')) assert.ok(policy.includes(`script-src ${digest};`));
    assert.ok(!/\son[a-z]+=|javascript:|<link|<img|src=/i.test(page), page);
  }
  assert.ok(policy.startsWith("default-src 'none';"));
  assert.ok(policy.includes("form-action 'self' http://127.0.0.1:8000;"));
  assert.ok(!policy.includes('unsafe'));
});

test('without a name and an announcement the form says nothing of either', () => {
  const page = signInPage({ action: '/x' });
  assert.ok(!page.includes('class="announcement"'));
  assert.ok(!page.includes('role="alert"'));
  assert.match(page, /id="username" name="username" value=""[^>]*autofocus/);
  assert.match(signInPage({ action: '/x', name: 'alice' }), /id="password"[^>]*autofocus/);
});

test('signing out needs no click with JavaScript, and one without', () => {
  const page = signOutPage(FORM);
  assert.ok(page.includes('<input type="hidden" name="logout" value="yes"></form>'));
  assert.match(page, /<noscript><button type="submit" form="op.logoutForm">/);
  assert.match(confirmSignOutPage(FORM), /Stay signed in/);
});
