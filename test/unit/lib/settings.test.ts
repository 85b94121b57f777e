// What the environment may say: unsafe targets and the switch for local mode are refused by name, and never by value.
import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../src/lib/settings.ts'

const GOOD = {
  ORGO_API_KEY: 'sk_live_0123456789',
  ANTHROPIC_API_KEY: 'sk-ant-0123456789ab',
  OWNER_TOKEN: 'o'.repeat(32),
  TOKEN_KEY: 'k'.repeat(32),
  GITHUB_WEBHOOK_SECRET: 'webhook-secret',
  PUBLIC_URL: 'https://runtime.example.com',
}
const read = (changes: Record<string, string>) => readSettings({ ...GOOD, ...changes })

describe('NOTIFY_URL', () => {
  it.each(['https://hooks.example.com/services/T0/B0/secret-part?x=1', 'https://hooks.example.com:8443/'])(
    'may be %s',
    (url) => {
      expect(read({ NOTIFY_URL: url })).toMatchObject({ problems: [], settings: { notifyUrl: url } })
    },
  )

  it.each([
    ['http', 'http://hooks.example.com/secret-part'],
    ['another scheme', 'ftp://hooks.example.com/secret-part'],
    ['no URL', 'secret-part'],
    ['userinfo', 'https://user:secret-part@hooks.example.com/'],
    ['the Worker itself', 'https://runtime.example.com/webhooks/github?secret-part'],
    ['the address VMs use for it', 'https://vm.example.com/secret-part'],
    ['an IP address', 'https://192.0.2.7/secret-part'],
    ['an address in one number', 'https://2130706433/secret-part'],
    ['IPv6', 'https://[::1]/secret-part'],
    ['localhost', 'https://localhost/secret-part'],
    ['a private name', 'https://metadata.google.internal/secret-part'],
    ['a bare name', 'https://intranet/secret-part'],
  ])('may not be %s: it is named, its value is not, and nothing is sent there', (_what, url) => {
    const { settings, problems } = read({ NOTIFY_URL: url, VM_URL: 'https://vm.example.com' })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain('NOTIFY_URL')
    expect(problems[0]).not.toContain('secret-part')
    expect(settings.notifyUrl).toBeNull()
  })
})

describe('MAX_PLAN_HOURS', () => {
  it('is 4 when unset, and a time in which something can be done', () => {
    expect(read({}).settings.maxPlanHours).toBe(4)
    for (const hours of ['0.1', '168'])
      expect(read({ MAX_PLAN_HOURS: hours })).toMatchObject({
        problems: [],
        settings: { maxPlanHours: Number(hours) },
      })
    for (const wrong of ['0.09', '169', 'long'])
      expect(read({ MAX_PLAN_HOURS: wrong })).toMatchObject({
        problems: ['MAX_PLAN_HOURS must be a number of hours from 0.1 to 168.'],
        settings: { maxPlanHours: 4 },
      })
  })
})

describe('CHECKPOINT_MINUTES', () => {
  it('is 4 when unset, and never more than the 5 minutes that are promised', () => {
    expect(read({}).settings.checkpointMinutes).toBe(4)
    expect(read({ CHECKPOINT_MINUTES: '2.5' })).toMatchObject({
      problems: [],
      settings: { checkpointMinutes: 2.5 },
    })
    for (const wrong of ['6', '0', 'often'])
      expect(read({ CHECKPOINT_MINUTES: wrong })).toMatchObject({
        problems: ['CHECKPOINT_MINUTES must be a number of minutes from 1 to 5.'],
        settings: { checkpointMinutes: 4 },
      })
  })
})

describe('HISTORY_DAYS', () => {
  it('keeps plans for ever unless it is set', () => {
    expect(read({})).toMatchObject({ problems: [], settings: { historyDays: null } })
    expect(read({ HISTORY_DAYS: ' ' })).toMatchObject({ problems: [], settings: { historyDays: null } })
    expect(read({ HISTORY_DAYS: '90' })).toMatchObject({ problems: [], settings: { historyDays: 90 } })
  })

  it.each(['0', '-1', '0.5', '36501', 'ninety', '90 days', 'Infinity'])(
    'may not be %s: it is named, and nothing is erased for it',
    (days) => {
      const { settings, problems } = read({ HISTORY_DAYS: days })
      expect(problems).toEqual([expect.stringMatching(/^HISTORY_DAYS must be a whole number of days/)])
      expect(settings.historyDays).toBeNull()
    },
  )
})

describe('LOCAL', () => {
  it('counts under a loopback PUBLIC_URL only', () => {
    expect(read({ LOCAL: 'true', PUBLIC_URL: 'http://127.0.0.1:8787' })).toMatchObject({
      problems: [],
      settings: { local: true },
    })
    const { settings, problems } = read({ LOCAL: 'true' })
    expect(settings.local).toBe(false)
    expect(problems).toEqual([expect.stringContaining('LOCAL')])
  })

  it.each(['127.0.0.1.example.com', 'localhost.example.com', '127.0.0.2', '10.0.0.1', '[::ffff:127.0.0.1]'])(
    'does not take %s for loopback',
    (host) => {
      expect(read({ LOCAL: 'true', PUBLIC_URL: `http://${host}` }).settings.local).toBe(false)
    },
  )

  it('is what upstreams over http need', () => {
    const url = 'http://127.0.0.1:9'
    for (const name of ['ORGO_API_URL', 'ANTHROPIC_BASE_URL', 'GITHUB_API_URL']) {
      expect(read({ [name]: url, LOCAL: 'true' }).problems.join()).toContain(name)
      expect(read({ [name]: url, LOCAL: 'true', PUBLIC_URL: 'http://127.0.0.1:8787' }).problems).toEqual([])
    }
  })
})
