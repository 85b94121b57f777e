// The keys a person brings: what each is for, where it comes from, and how it looks. A key pasted at the wrong question is
// recognised before it is sent anywhere.
import { secretShape } from '../src/shared/secrets.ts'

export interface Key {
  name: 'ORGO_API_KEY' | 'ANTHROPIC_API_KEY' | 'GIT_CREDENTIALS'
  question: string
  /** One line: what it is for and where to get it. */
  about: string
  optional: boolean
  /** Returns the value to keep, or what is wrong with it, without repeating it. */
  read(answer: string): { value: string } | { problem: string }
}

const ORGO = /^sk_(?:live|test)_[A-Za-z0-9_-]{8,}$/
const ANTHROPIC = /^sk-ant-[A-Za-z0-9_-]{8,}$/
const GITHUB = /^(?:gh[pousr]_[A-Za-z0-9]{12,}|github_pat_[A-Za-z0-9_]{16,})$/
const CREDENTIAL_LINE = /^https:\/\/[^\s/:@]+:[^\s/@]+@[^\s/@]+(?:\/\S*)?$/

export const KEYS: Key[] = [
  {
    name: 'ORGO_API_KEY',
    question: 'Orgo key:',
    about:
      'Orgo gives each workspace its cloud VM. Get a key at orgo.ai: Settings, API keys (begins with sk_live_).',
    optional: false,
    read: (answer) =>
      ORGO.test(answer) ? { value: answer } : { problem: notThat(answer, 'an Orgo key (sk_live_...)') },
  },
  {
    name: 'ANTHROPIC_API_KEY',
    question: 'Anthropic key:',
    about:
      'The model that does the work. Get a key at platform.claude.com: Settings, API keys (begins with sk-ant-).',
    optional: false,
    read: (answer) =>
      ANTHROPIC.test(answer)
        ? { value: answer }
        : { problem: notThat(answer, 'an Anthropic key (sk-ant-...)') },
  },
  {
    name: 'GIT_CREDENTIALS',
    question: 'GitHub token, or https://user:token@host for another host (Enter: later):',
    about:
      'Reads and pushes your repositories, used by the Worker only. GitHub: Settings, Developer settings, fine-grained token with "Contents: read and write" and "Pull requests: read and write", without "Workflows".',
    optional: true,
    read: readGitCredential,
  },
]

/** Parses one line of git's credential-store format. A bare GitHub token becomes a line for github.com. */
export function readGitCredential(answer: string): { value: string } | { problem: string } {
  if (GITHUB.test(answer)) return { value: `https://x-access-token:${answer}@github.com` }
  if (CREDENTIAL_LINE.test(answer) && URL.canParse(answer)) return { value: answer }
  return {
    problem: notThat(answer, 'a GitHub token (github_pat_... or ghp_...) or a line https://user:token@host'),
  }
}

function notThat(answer: string, wanted: string): string {
  const kind = ORGO.test(answer) ? 'an Orgo key' : secretShape(answer)?.name
  return kind === undefined
    ? `That is not ${wanted}. Nothing was kept; paste it again.`
    : `That looks like ${kind}; asked for is ${wanted}. Nothing was kept; paste the right one.`
}
