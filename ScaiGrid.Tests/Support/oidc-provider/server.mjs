// An OpenID provider that is not ours, with its own sign-in pages: whoever types an address is that person.
import Provider from 'oidc-provider';

const [port, clientSecret, redirectUri] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'scaigrid', client_secret: clientSecret, redirect_uris: [redirectUri], grant_types: ['authorization_code'] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: true }) }),
  cookies: { keys: ['for the tests only'] },
});
provider.listen(Number(port), '127.0.0.1');
