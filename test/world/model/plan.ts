// Finds which plan a request is about, and how far that plan's script has come.
//
// The place in the script is the number of tool calls answered for the plan over all conversations. The ids of our calls carry the
// place they were made at (toolu_{last 8 of the plan id}_{place}_{random}), so the place is known again from any history that
// holds one answered call, even when the stand-in was restarted in between. With `file`, answered places outlive the process too.
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { toBlocks } from './request.ts'
import type { MessagesRequest } from './request.ts'

export type PlanText = { id: string; text: string; sha256: string }

/** Returns the plan in the first user message: from the block's first opening tag to its last closing one, byte for byte. */
export function findPlan(request: Pick<MessagesRequest, 'messages'>): PlanText | null {
  const first = request.messages.find((message) => message.role === 'user')
  for (const block of toBlocks(first?.content ?? [])) {
    const match = /<plan id="([0-9a-f-]{36})">([\s\S]*)<\/plan>/.exec(block.text ?? '')
    if (match?.[1] === undefined || match[2] === undefined) continue
    return { id: match[1], text: match[2], sha256: createHash('sha256').update(match[2]).digest('hex') }
  }
  return null
}

export function makeToolId(planId: string, place: number): string {
  return `toolu_${planId.slice(-8)}_${place}_${Math.random().toString(36).slice(2, 10).padEnd(8, '0')}`
}

export type Progress = {
  /** Records the answered calls of a request. Returns the place where the script continues. */
  advance(planId: string, request: MessagesRequest): number
  /** Returns how many requests came at this place before, and counts this one. */
  countAttempt(planId: string, place: number): number
  /** Returns how many questions of this kind came before, and counts this one where it is new. A later reading is not. */
  countJudged(planId: string, about: 'work' | 'tests', isNew: boolean): number
  remember(plan: PlanText): void
  /** Returns a known plan whose id or text is in this text. This is how a judge's request is recognized. */
  findMentioned(text: string): PlanText | null
  clear(): void
}

const Line = z.object({ plan: z.string(), key: z.string() })

export function createProgress(file?: string): Progress {
  const answered = new Map<string, Set<string>>()
  const counts = new Map<string, number>()
  const plans = new Map<string, PlanText>()
  const keysOf = (planId: string): Set<string> => {
    const keys = answered.get(planId) ?? new Set<string>()
    answered.set(planId, keys)
    return keys
  }
  const count = (key: string): number => {
    const before = counts.get(key) ?? 0
    counts.set(key, before + 1)
    return before
  }
  if (file !== undefined && existsSync(file)) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      if (!line.endsWith('}')) continue // a killed process may have cut the last line short
      const { plan, key } = Line.parse(JSON.parse(line))
      keysOf(plan).add(key)
    }
  }
  return {
    advance(planId, request) {
      const keys = keysOf(planId)
      for (const id of listAnswered(request)) {
        const key = placeOf(planId, id)?.toString() ?? id
        if (keys.has(key)) continue
        keys.add(key)
        if (file !== undefined) appendFileSync(file, `${JSON.stringify({ plan: planId, key })}\n`)
      }
      const places = [...keys].filter((key) => /^\d+$/.test(key)).map((key) => Number(key) + 1)
      return Math.max(keys.size, ...places)
    },
    countAttempt: (planId, place) => count(`${planId} ${place}`),
    countJudged(planId, about, isNew) {
      const key = `${planId} judge ${about}`
      return isNew ? count(key) : Math.max(0, (counts.get(key) ?? 0) - 1)
    },
    remember: (plan) => void plans.set(plan.id, plan),
    findMentioned: (text) =>
      [...plans.values()].findLast((plan) => text.includes(plan.id)) ??
      [...plans.values()].findLast((plan) => plan.text.trim() !== '' && text.includes(plan.text.trim())) ??
      null,
    clear() {
      for (const map of [answered, counts, plans]) map.clear()
    },
  }
}

function listAnswered(request: MessagesRequest): string[] {
  return request.messages.flatMap((message) =>
    toBlocks(message.content).flatMap((block) =>
      block.type === 'tool_result' ? [block.tool_use_id ?? ''] : [],
    ),
  )
}

function placeOf(planId: string, toolId: string): number | null {
  const match = /^toolu_([0-9a-f]{8})_(\d+)_/.exec(toolId)
  return match?.[1] === planId.slice(-8) ? Number(match[2]) : null
}
