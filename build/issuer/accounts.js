// Who can sign in: the users of dev_users, each with the projects of its lines.

// users: {"<USER>": {"<PROJECT>.brics": {name, username}}} -> Map of <USER> to its account for oidc-provider.
export function accounts(users, platform) {
  return new Map(Object.entries(users).map(([user, own]) => {
    const projects = Object.fromEntries(Object.entries(own).map(
      ([key, { name, username }]) => [key, { name, resources: [{ name: platform, username }] }],
    ));
    return [user, { accountId: user, claims: () => ({ sub: user, short_name: user, projects }) }];
  }));
}
