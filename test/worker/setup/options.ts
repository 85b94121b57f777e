// How the worker tests run: our own wrangler.toml in workerd, settings with canary values, and a fake outside world.
import type { D1Migration } from '@cloudflare/vitest-plugin'

/** Canary values: none of them may ever reach a VM, a log line, D1 or a tool result. */
export const CANARIES = {
  ORGO_API_KEY: 'sk_live_CANARY_orgo_0123456789',
  ANTHROPIC_API_KEY: 'sk-ant-CANARY-model-0123456789',
  GIT_CREDENTIALS: 'https://x-access-token:ghp_CANARYgit0123456789@git.test',
  OWNER_TOKEN: 'CANARY-owner-token-0123456789-0123456789',
  TOKEN_KEY: 'CANARY-token-key-0123456789abcdef0123456789abcdef',
  GITHUB_WEBHOOK_SECRET: 'CANARY-webhook-secret-0123456789',
}

export function workerTestOptions(migrations: D1Migration[]) {
  return {
    wrangler: { configPath: './wrangler.toml' },
    miniflare: {
      bindings: {
        ...CANARIES,
        PUBLIC_URL: 'https://runtime.test',
        ORGO_API_URL: 'https://orgo.test/api',
        ANTHROPIC_BASE_URL: 'https://model.test',
        GITHUB_API_URL: 'https://api.git.test',
        TEST_MIGRATIONS: migrations,
      },
    },
  }
}
