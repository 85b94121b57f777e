// docs/settings.md lists every setting with its kind and default, and every priced model with its prices.
import { describe, expect, it } from 'vitest'
import { configText } from '../../../deploy/config.ts'
import { pricedModels, usdFor } from '../../../src/lib/prices.ts'
import type { TokenCounts } from '../../../src/shared/usage.ts'
import { readSettings } from '../../../src/lib/settings.ts'
import { spansOf, tableBelow, textOf } from './tables.ts'

const FILE = 'docs/settings.md'
const PUBLIC_URL = 'https://runtime.example'
const rows = tableBelow(FILE, '# Settings').map(([name, kind, fallback = '']) => ({
  name: spansOf(name)[0] ?? '',
  kind,
  fallback,
}))

/** ORGO_API_KEY → orgoApiKey: the field of Settings. */
const toField = (name: string): string =>
  name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())

describe('the table of settings', () => {
  it('names what settings.ts reads, and nothing else', () => {
    const read = [
      ...textOf('src/lib/settings.ts').matchAll(/\b(?:text\(env, |secret\(|url\(|number\()\s*'([A-Z_]+)'/g),
    ].map(([, name = '']) => name)
    // GIT_CREDENTIALS is read by its beginning.
    expect(rows.map(({ name }) => name).toSorted()).toEqual(
      [...new Set([...read, 'GIT_CREDENTIALS'])].toSorted(),
    )
  })

  it('has a row for each field of Settings', () => {
    const { settings } = readSettings({})
    const named: Record<string, string> = { GITHUB_WEBHOOK_SECRET: 'webhookSecrets' }
    expect(rows.map(({ name }) => named[name] ?? toField(name)).toSorted()).toEqual(
      Object.keys(settings).toSorted(),
    )
  })

  it('calls secret what .dev.vars.example lists, and variable what wrangler.toml lists', () => {
    const secrets = [...textOf('.dev.vars.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name)
    const variables = [...textOf('wrangler.toml').matchAll(/^([A-Z_]+) = ""$/gm)].map(([, name]) => name)
    expect(rows.filter(({ kind }) => kind === 'secret').map(({ name }) => name)).toEqual(secrets)
    expect(rows.filter(({ kind }) => kind === 'variable').map(({ name }) => name)).toEqual(variables)
    expect(rows.length).toBe(secrets.length + variables.length)
  })

  it.each(rows)('$name: the default is $fallback', ({ name, fallback }) => {
    const { problems } = readSettings({})
    const { settings } = readSettings({ PUBLIC_URL })
    const value: unknown = Object.entries(settings).find(([field]) => field === toField(name))?.[1]
    const isRequired = problems.some((problem) => problem.startsWith(`${name} is not set`))
    const isNone = value === null || value === '' || value === false
    const expected = isRequired
      ? 'required'
      : isNone
        ? 'none'
        : `\`${value === PUBLIC_URL ? 'PUBLIC_URL' : JSON.stringify(value).replaceAll('"', '')}\``
    expect(fallback).toBe(expected)
  })

  it('a variable can be given to npm run deploy by its name', () => {
    const config = { accountId: 'a', name: 'n', databaseId: 'd', namespaceId: 'k', publicUrl: PUBLIC_URL }
    const given = rows.filter(
      ({ kind, name }) => kind === 'variable' && !['PUBLIC_URL', 'LOCAL'].includes(name),
    )
    const env = Object.fromEntries(given.map(({ name }) => [name, `value of ${name}`]))
    const text = configText(textOf('wrangler.toml'), config, env)
    for (const { name } of given) expect(text).toContain(`${name} = "value of ${name}"`)
  })
})

describe('the table of priced models', () => {
  const KINDS = ['input', 'output', 'cacheWrite5m', 'cacheWrite1h', 'cacheRead'] as const
  const none: TokenCounts = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 }
  const priced = tableBelow(FILE, 'US dollars for a million tokens, read on 2026-11-22:')
  const models = priced.map(([cell, ...prices]) => ({
    model: spansOf(cell)[0] ?? '',
    above: Number(/prompt above ([\d,]+)/.exec(cell ?? '')?.[1]?.replaceAll(',', '') ?? 0),
    prices: prices.map(Number),
  }))

  it('names the models of prices.ts, in its order', () => {
    expect([...new Set(models.map(({ model }) => model))]).toEqual(pricedModels())
  })

  it.each(models)('$model, prompt above $above tokens: $prices', ({ model, above, prices }) => {
    // Above the threshold the prompt is made long first, and what a kind adds to it is counted.
    const [base, tokens] = above > 0 ? [{ ...none, input: above + 1 }, 1_000_000] : [none, 1]
    const paid = KINDS.map(
      (kind) => (usdFor(model, { ...base, [kind]: base[kind] + tokens }) - usdFor(model, base)) / tokens,
    )
    expect(paid.map((usd) => Number((usd * 1_000_000).toFixed(6)))).toEqual(prices)
    // A model has a second row exactly where its price depends on the length of the prompt.
    const hasSecond = models.filter((one) => one.model === model).length === 2
    const inputPrice = (count: number) => usdFor(model, { ...none, input: count }) / count
    expect(Math.abs(inputPrice(1) - inputPrice(900_000)) > 1e-12).toBe(hasSecond)
  })
})
