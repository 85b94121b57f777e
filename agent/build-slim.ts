// Leaves out parts of packages that the agent does not use: zod's fifty languages (260 KB) and the SDK's parts for other products
// (organizations, hosted sessions, vaults: 130 KB). Those classes are fields of the client, so the bundler cannot drop them. They
// become empty classes of the same names. If the SDK moves its files, the build fails instead of growing.
import { readFileSync } from 'node:fs'
import type { Plugin } from 'esbuild'

const LANGUAGES = /zod[\\/]v4[\\/]locales[\\/]index\.js$/
const UNUSED = new RegExp(
  String.raw`@anthropic-ai[\\/]sdk[\\/](?:` +
    [
      String.raw`resources[\\/](?:organization|skills|user-profiles)[\\/][a-z-]+`,
      String.raw`resources[\\/]beta[\\/](?:agents|environments|memory-stores|organization|sessions|skills|tunnels|user-profiles|vaults)[\\/][a-z-]+`,
      String.raw`resources[\\/]beta[\\/](?:deployments|deployment-runs|dreams|webhooks)`,
    ].join('|') +
    String.raw`)\.mjs$`,
)

export const slim: Plugin = {
  name: 'slim',
  setup(build) {
    let emptied = 0
    build.onStart(() => {
      emptied = 0
    })
    build.onLoad({ filter: LANGUAGES }, () => ({ contents: "export { default as en } from './en.js'" }))
    build.onLoad({ filter: UNUSED }, ({ path }) => {
      emptied++
      const names = exportedNames(readFileSync(path, 'utf8'))
      return { contents: names.map((name) => `export class ${name} {}`).join('\n') }
    })
    build.onEnd(() =>
      emptied === 0 ? { errors: [{ text: 'slim: no file of the SDK matched; look at its layout.' }] } : {},
    )
  },
}

/** Returns the names that an ES module of the SDK exports, also those it re-exports. */
function exportedNames(source: string): string[] {
  const own = [...source.matchAll(/^export (?:class|var|const|function) (\w+)/gm)].map(([, name]) => name)
  const passedOn = [...source.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, list]) => list?.split(',') ?? [])
  return [...own, ...passedOn].flatMap((name) => name?.trim().split(' as ').at(-1) || [])
}
