// Who can sign in: the users of dev_users, each with the projects of its lines.

const PORTAL = 'brics';

// The text of dev_users (validated before it came here) -> Map of <USER> to its account for oidc-provider.
export function accounts(text, platform) {
  const projects = new Map();
  for (const line of text.split('\n')) {
    const account = line.split('#', 1)[0].trim();
    if (!account) continue;
    const [user, project, ...rest] = account.split('.');
    if (!project || rest.length) throw new Error(`dev_users: ${JSON.stringify(account)} is not <USER>.<PROJECT>`);
    if (!projects.has(user)) projects.set(user, {});
    projects.get(user)[`${project}.${PORTAL}`] = {
      name: `Project ${project}`,
      resources: [{ name: platform, username: account }],
    };
  }
  return new Map(Array.from(projects, ([user, own]) => [user, {
    accountId: user,
    claims: () => ({ sub: user, short_name: user, projects: own }),
  }]));
}
