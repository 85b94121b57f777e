import { DurableObject } from 'cloudflare:workers'
export class Workspace extends DurableObject<Env> {}
export class Account extends DurableObject<Env> {}
export default { fetch: () => new Response('not yet') } satisfies ExportedHandler<Env>
