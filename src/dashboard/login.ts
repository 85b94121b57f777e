// /login, /logout and /pairing: the owner proves to be the owner. Wrong tries are counted before anything is compared.
import { Hono } from 'hono'
import { html } from 'hono/html'
import { secretsEqual } from '../lib/crypto.ts'
import { bearerToken, errorResponse } from '../lib/http.ts'
import { log } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { fieldOf, insideOnly, readForm } from './forms.ts'
import { notice, page, seeOther } from './page.ts'
import { makePairingCode, redeemPairingCode, toPairingCode } from './new-pairing-code.ts'
import { accountOf, closeSession, findSession, isOwnForm, openSession, sourceOf } from './session-cookie.ts'

export const loginRoutes = new Hono<{ Bindings: Env }>()
  .get('/login', async ({ env, req }) => {
    const next = insideOnly(req.query('next'))
    if ((await findSession(req.raw, env)) !== null) return seeOther(next)
    return loginPage({ next })
  })
  .post('/login', async ({ env, req }) => {
    const form = await readForm(req.raw)
    if (form instanceof Response) return form
    const next = insideOnly(fieldOf(form, 'next'))
    const waitMs = await accountOf(env).countTry(sourceOf(req.raw), Date.now())
    if (waitMs > 0) {
      log('login', { outcome: 'too_soon' })
      const seconds = Math.ceil(waitMs / 1_000)
      const problem = `Too many tries. Wait ${seconds === 1 ? 'a second' : `${seconds} seconds`}, then try again.`
      return loginPage({ next, problem, status: 429, retryAfterSeconds: seconds })
    }
    const kind = await provenBy(fieldOf(form, 'secret').trim(), env)
    log('login', { outcome: kind ?? 'wrong' })
    if (kind === null)
      return loginPage({
        next,
        problem: 'That is neither the owner token nor a valid pairing code.',
        status: 401,
      })
    return seeOther(next, new Headers({ 'set-cookie': await openSession(req.raw, env) }))
  })
  .post('/logout', async ({ env, req }) => {
    const [session, form] = [await findSession(req.raw, env), await readForm(req.raw)]
    if (form instanceof Response) return form
    if (session === null) return seeOther('/')
    if (!isOwnForm(session, form)) return forged()
    return seeOther('/', new Headers({ 'set-cookie': await closeSession(req.raw, env, session) }))
  })
  .post('/pairing', async ({ env, req }) => {
    const bearer = bearerToken(req.raw.headers)
    // The code needs the owner token itself. An OAuth client cannot make one, because it would outlive the client's revocation.
    if (bearer !== null) {
      if (!(await secretsEqual(bearer, readSettings({ ...env }).settings.ownerToken)))
        return errorResponse(401, 'unauthorized', 'Only the owner token can make a pairing code.')
      const { code, expiresAtMs } = await makePairingCode(env)
      return Response.json(
        { code, expires_at: new Date(expiresAtMs).toISOString() },
        { status: 201, headers: { 'cache-control': 'no-store' } },
      )
    }
    const [session, form] = [await findSession(req.raw, env), await readForm(req.raw)]
    if (form instanceof Response) return form
    if (session === null) return seeOther('/login')
    if (!isOwnForm(session, form)) return forged()
    const { code } = await makePairingCode(env)
    return page({
      title: 'Pairing code',
      body: html`<h1>Pairing code</h1>
        <p>Type it on the other device where it asks for the owner token.</p>
        <p class="code">${code}</p>
        <p class="soft">It is valid for ten minutes and works once. A new code ends the one before.</p>
        <p><a href="/">Done</a></p>`,
    })
  })

async function provenBy(secret: string, env: Env): Promise<'owner_token' | 'pairing_code' | null> {
  if (await secretsEqual(secret, readSettings({ ...env }).settings.ownerToken)) return 'owner_token'
  const code = toPairingCode(secret)
  return code !== null && (await redeemPairingCode(code, env)) ? 'pairing_code' : null
}

interface LoginPageInput {
  next: string
  problem?: string
  status?: number
  retryAfterSeconds?: number
}

function loginPage({ next, problem, status = 200, retryAfterSeconds }: LoginPageInput): Promise<Response> {
  const headers = new Headers()
  if (retryAfterSeconds !== undefined) headers.set('retry-after', String(retryAfterSeconds))
  return page({
    title: 'Sign in',
    status,
    headers,
    body: html`<h1>Sign in</h1>
      <p class="soft">
        ${next === '/' ? 'To see and end the connections of this runtime.' : 'A client asks to use this runtime. First show that it is yours.'}
      </p>
      ${problem === undefined ? '' : html`<p class="note bad" role="alert">${problem}</p>`}
      <form method="post" action="/login">
        <input type="hidden" name="next" value="${next}" />
        <input type="text" name="username" value="owner" autocomplete="username" hidden />
        <label class="field" for="secret">Owner token or pairing code</label>
        <input
          id="secret"
          name="secret"
          type="password"
          required
          autofocus
          autocomplete="current-password"
          autocapitalize="none"
          spellcheck="false"
        />
        <div class="actions"><button class="main">Sign in</button></div>
      </form>
      <p class="soft small">
        The owner token was printed by <code>npm run deploy</code> or <code>npm run dev</code>. A pairing code
        is short: make one on a device that is signed in, at this address, or by
        <code>npm run doctor -- --pairing-code</code>.
      </p>`,
  })
}

function forged(): Promise<Response> {
  return notice(
    'This form is not ours',
    'It was not sent from a page of this runtime that is open in this browser. Nothing was done.',
    403,
  )
}
