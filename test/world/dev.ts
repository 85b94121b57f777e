// `npm run dev`: the local stack for use by hand, until Ctrl-C. With --json one line for programs, nothing else on standard output.
import { join } from 'node:path'
import { readCommandLine } from '../../deploy/command-line.ts'
import { clientLines } from '../../deploy/client-configs.ts'
import { onParentEnd } from './parent.ts'
import { startWorld } from './world.ts'
import type { World, WorldOptions } from './world.ts'

const { values, refuse } = readCommandLine({
  command: 'npm run dev',
  about:
    'The local stack for use by hand, until Ctrl-C: the Worker, a local Orgo with real sandboxes, git host, GitHub and model.',
  flags: {
    json: { about: 'one line for programs, nothing else on standard output' },
    port: {
      about: "the Worker's port; the stand-ins take those after it. 0: free ones. Else as last time, or 8787",
      number: 'PORT',
    },
    state: {
      about: 'folder that keeps the state',
      text: 'FOLDER',
      default: join(import.meta.dirname, '../../.dev'),
    },
    fresh: { about: 'wipe the state first' },
    'vm-image': { about: 'image of new computers: desktop, or bare (no git, no Node)', text: 'IMAGE' },
    'unsafe-no-sandbox': { about: 'let a real model run commands on this machine without bubblewrap' },
    'stand-ins': { about: 'whatever .dev.vars says, nothing reaches the outside' },
  },
})

function readOptions(): WorldOptions {
  const { port } = values
  if (port !== undefined && port > 65_000) refuse(`--port ${port} is no port: give a number from 0 to 65000.`)
  const image = values['vm-image']
  if (image !== undefined && image !== 'bare' && image !== 'desktop')
    return refuse(`--vm-image ${image} is unknown: it is bare or desktop.`)
  return {
    stateDir: values.state,
    fresh: values.fresh,
    unsafeNoSandbox: values['unsafe-no-sandbox'],
    useDevVars: !values['stand-ins'],
    ...(port === undefined ? {} : { port }),
    ...(image === undefined ? {} : { vmImage: image }),
    log: (line) => console.error(line),
  }
}

/** Explains how to try a plan: the stand-in is no real model and changes nothing without a script in the plan's text. */
const trial = (urls: World['urls']): string[] => [
  '\nA plan to try (the stand-in for the model runs the sh blocks of a plan, and nothing else):',
  '  Write a greeting.',
  '  ```sh',
  '  echo hello > greeting.txt',
  '  ```',
  '\nMerge what it pushed, and ask what stands still:',
  `  curl -s -X POST ${urls.control_url}/github/sample/merge -H 'content-type: application/json' -d '{"branch":"agent/…","method":"merge"}'`,
  `  OWNER_TOKEN=${urls.owner_token} npm run doctor -- --url ${new URL(urls.mcp_url).origin}`,
]

function show({ urls, stateDir, realServices }: World, pairingCode: string): void {
  const rows = [
    ['MCP', urls.mcp_url],
    ['owner token', urls.owner_token],
    [
      'pairing code',
      `${pairingCode} (instead of the owner token where a page asks for it; ten minutes, once)`,
    ],
    ['git host', urls.git_url],
    ['control', urls.control_url],
    ['Orgo', urls.orgo_url],
    ['GitHub API', urls.github_api_url],
    ['model', urls.model_url],
    ['log', join(stateDir, 'worker.log')],
  ]
  console.log(
    realServices.length === 0
      ? '\nThe local stack is up. Nothing of it reaches the outside.\n'
      : `\nThe local stack is up, with ${realServices.join(' and ')} for real, by the keys in .dev.vars.\n`,
  )
  for (const [name, value] of rows) console.log(`  ${String(name).padEnd(13)} ${String(value)}`)
  console.log(
    `\nA repository to play with:\n  curl -s -X POST ${urls.control_url}/git/repos -H 'content-type: application/json' -d '{"name":"sample"}'`,
  )
  if (realServices.length === 0) for (const line of trial(urls)) console.log(line)
  console.log('\nYour client:')
  for (const line of clientLines(urls.mcp_url, urls.owner_token)) console.log(line)
  console.log(
    '\nClaude.ai and ChatGPT call from the internet: they need a deployed Worker (`npm run deploy`). docs/clients.md: what was tried.',
  )
  console.log('\nCtrl-C stops everything; the state stays in ' + stateDir + ' (`-- --fresh` wipes it).')
}

try {
  const starting = startWorld(readOptions())
  let isStopping = false
  const stop = (): void => {
    if (isStopping) process.exit(1) // asked a second time: exit at once, which also ends all children
    isStopping = true
    starting
      .then((world) => world.close())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.on('SIGHUP', stop)
  onParentEnd(stop)
  const world = await starting
  if (values.json) console.log(JSON.stringify(world.urls))
  else show(world, await world.pairingCode())
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
