import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readRealServices, secretsOf } from '../../world/real-services.ts'

it.each(['\n', '\r\n'])('.dev.vars is read with line ends %j, and no key carries one', (end) => {
  const folder = mkdtempSync(join(tmpdir(), 'dev-vars-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, '.dev.vars')
  const lines = [
    '# mine',
    'ORGO_API_KEY=sk_live_1',
    'ANTHROPIC_API_KEY="sk-ant-1"',
    'GIT_CREDENTIALS="https://u:t1@github.com',
    'https://u:t2@gitlab.com"',
    'TOKEN_KEY=',
    '',
  ]
  writeFileSync(file, lines.join(end))
  const found = readRealServices(file)
  expect(found).toEqual({
    ORGO_API_KEY: 'sk_live_1',
    ANTHROPIC_API_KEY: 'sk-ant-1',
    GIT_CREDENTIALS: 'https://u:t1@github.com\nhttps://u:t2@gitlab.com',
  })
  expect(Object.values(secretsOf(found))).toEqual(['sk_live_1', 'sk-ant-1', 't1', 't2'])
})
