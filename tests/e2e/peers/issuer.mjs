// A certified OpenID Connect provider, with one public client: parloir. Whoever logs in has what they typed as a verified
// address. The argument is the folder that it is installed in. It says to whom it gives no token, and why.
import { createServer } from 'node:http';

const { default: Provider } = await import(`${process.argv[2]}/node_modules/oidc-provider/lib/index.js`);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'parloir',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/'],
      response_types: ['code'],
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
    }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    features: { deviceFlow: { enabled: true } },
    findAccount: (_, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: id, email_verified: true }),
    }),
  });
  provider.on('grant.error', (_, error) => console.log(`refused ${error.error}`));
  server.on('request', provider.callback());
  console.log(`issuer ${issuer}`);
});
