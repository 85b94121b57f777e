// The owner in a real Chromium before `npm run dev`: login, consent, the list of clients; and what a hostile site can do: nothing.
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { OWN_CONNECTION } from '../e2e/support/calls.ts'
import { startStack } from '../e2e/support/stack.ts'
import type { Stack } from '../e2e/support/stack.ts'
import { describeWith, needs } from '../support/needs.ts'
import { fitsPhone, launchChromium } from './support/chromium.ts'
import { startClient, startSite } from './support/client.ts'

describeWith(needs.chromium(), 'the owner in a browser', () => {
  let stack: Stack
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    stack = await startStack()
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    await stack[Symbol.asyncDispose]()
  })
  // A context of its own: no cookies of the test before.
  beforeEach(async () => {
    page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(200_000)
    return () => page.context().close()
  })

  const secret = () => page.getByLabel('Owner token or pairing code')
  /** Sends the login form; the status of the answer. */
  async function submit(typed: string): Promise<number> {
    await secret().fill(typed)
    const [response] = await Promise.all([
      page.waitForResponse((one) => one.url().endsWith('/login') && one.request().method() === 'POST'),
      page.getByRole('button', { name: 'Sign in' }).click(),
    ])
    await page.waitForLoadState()
    return response.status()
  }
  /** However long earlier wrong tries of this machine made it wait. */
  async function submitPatiently(): Promise<void> {
    while ((await submit(stack.urls.owner_token)) === 429) await page.waitForTimeout(250)
  }
  async function signIn(): Promise<void> {
    await page.goto(`${stack.urls.base_url}/login`)
    await submitPatiently()
    await page.getByText('You are signed in').waitFor()
  }
  const listTools = (token: string) =>
    fetch(stack.urls.mcp_url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...OWN_CONNECTION,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })

  it('a wrong password is refused and slowed down; the right one leads to consent; allowing yields a token that works', async () => {
    await using client = await startClient(stack.urls.base_url, 'My terminal')
    await page.goto(client.authorizeUrl)
    expect(await fitsPhone(page, 'login')).toBe(true)
    expect(await submit('not the token')).toBe(401)
    await page.getByText('That is neither the owner token').waitFor()
    // Each wrong try makes the wait longer, so that one falls into it on a slow machine too.
    while ((await submit('not the token')) !== 429);
    await page.getByText('Too many tries').waitFor()
    expect(await fitsPhone(page, 'login-slow')).toBe(true)
    await submitPatiently()

    await page.getByRole('heading', { name: 'Allow My terminal to use this runtime?' }).waitFor()
    expect(await page.getByText('127.0.0.1', { exact: true }).count()).toBe(1)
    expect(await fitsPhone(page, 'consent')).toBe(true)
    await page.getByRole('button', { name: 'Allow' }).click()
    // Beyond the redirect address, where the client sent the browser: form-action did not hold it.
    await page.getByText('You can close this window').waitFor()
    const answer = Object.fromEntries(client.answers.at(-1) ?? [])
    expect(answer).toMatchObject({ state: 'opaque', iss: stack.urls.base_url })
    const token = await client.token(answer['code'] ?? '')
    expect((await listTools(token)).status).toBe(200)

    await page.goto(stack.urls.base_url)
    expect(await page.getByText('My terminal').count()).toBe(1)
    expect(await fitsPhone(page, 'start')).toBe(true)
    await page.getByRole('button', { name: 'End' }).click()
    await page.getByText('None by OAuth').waitFor()
    expect((await listTools(token)).status).toBe(401)
  })

  it('denying goes back with access_denied and no code', async () => {
    await using client = await startClient(stack.urls.base_url, 'A client that is turned away')
    await signIn()
    await page.goto(client.authorizeUrl)
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.getByText('You can close this window').waitFor()
    const answer = Object.fromEntries(client.answers.at(-1) ?? [])
    expect(answer).toMatchObject({ error: 'access_denied', state: 'opaque' })
    expect(answer).not.toHaveProperty('code')
  })

  it('leaving "Act" out yields a connection that may only look', async () => {
    await using client = await startClient(stack.urls.base_url, 'A reader')
    await signIn()
    await page.goto(client.authorizeUrl)
    await page.getByRole('checkbox', { name: 'Act' }).uncheck()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByText('You can close this window').waitFor()
    const token = await client.token(client.answers.at(-1)?.get('code') ?? '')
    const submitted = await fetch(`${stack.urls.base_url}/plans`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, ...OWN_CONNECTION },
      body: '{}',
    })
    expect(submitted.status).toBe(403)
  })

  it('a pairing code of one browser signs another one in, once', async () => {
    await signIn()
    await page.getByRole('button', { name: 'Make a pairing code' }).click()
    const code = (await page.locator('.code').textContent()) ?? ''
    expect(await fitsPhone(page, 'pairing')).toBe(true)
    const phone = await browser.newContext({ viewport: { width: 360, height: 740 } })
    for (const outcome of ['You are signed in', 'That is neither the owner token']) {
      const other = await phone.newPage()
      await phone.clearCookies()
      await other.goto(`${stack.urls.base_url}/login`)
      await other.getByLabel('Owner token or pairing code').fill(code.toLowerCase())
      await other.getByRole('button', { name: 'Sign in' }).click()
      await other.getByText(outcome).waitFor()
    }
    await phone.close()
  })

  it('our pages refuse to be shown in a frame of another site', async () => {
    await signIn()
    const frames = ['/', '/login', '/authorize'].map(
      (path) => `<iframe src="${stack.urls.base_url}${path}"></iframe>`,
    )
    await using site = await startSite(frames.join(''))
    const refused: string[] = []
    page.on('console', (message) => refused.push(message.text()))
    await page.goto(site.url)
    await expect.poll(() => refused.filter((text) => text.includes('frame-ancestors')).length).toBe(3)
    const shown = () => page.frames().filter((frame) => frame.url().startsWith('chrome-error:')).length
    await expect.poll(shown).toBe(3)
  })

  it('a form that another site sends does nothing, even from the browser of the owner', async () => {
    await signIn()
    await using client = await startClient(stack.urls.base_url, 'Kept')
    await page.goto(client.authorizeUrl)
    const handle = (await page.locator('input[name=handle]').getAttribute('value')) ?? ''
    for (const [path, name, value] of [
      ['/authorize', 'handle', handle],
      ['/login', 'secret', stack.urls.owner_token],
      ['/logout', 'form_token', ''],
      ['/pairing', 'form_token', ''],
    ] as const) {
      await using site = await startSite(
        `<form method="post" action="${stack.urls.base_url}${path}"><input name="${name}" value="${value}"><input name="decision" value="allow"><button>Win</button></form>`,
      )
      await page.goto(site.url)
      const [response] = await Promise.all([
        page.waitForResponse((one) => one.url() === stack.urls.base_url + path),
        page.getByRole('button', { name: 'Win' }).click(),
      ])
      expect(response.status()).toBe(403)
      await page.getByText('This form came from elsewhere').waitFor()
    }
    expect(client.answers).toEqual([])
    await page.goto(stack.urls.base_url)
    await page.getByText('You are signed in').waitFor()
  })

  it('nothing on our pages breaks their own policy, and hostile names stay text', async () => {
    await signIn()
    const broken: string[] = []
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) broken.push(message.text())
    })
    page.on('dialog', (dialog) => {
      broken.push(dialog.message())
      void dialog.dismiss()
    })
    const name = `<img src=x onerror=alert(1)></h1>"'&\u202Elive${'very long '.repeat(30)}`
    await using client = await startClient(stack.urls.base_url, name)
    await page.goto(client.authorizeUrl)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(
      '<img src=x onerror=alert(1)></h1>',
    )
    expect(await page.locator('img').count()).toBe(0)
    expect(await fitsPhone(page, 'consent-hostile')).toBe(true)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByText('You can close this window').waitFor()
    await page.goto(stack.urls.base_url)
    expect(await fitsPhone(page, 'start-hostile')).toBe(true)
    expect(broken).toEqual([])
  })
})
