// What `npm run doctor` found out about one thing; `cure` is there when it is not well.

export interface Finding {
  check: string
  ok: boolean
  detail: string
  cure?: string
}

export const well = (check: string, detail: string): Finding => ({ check, ok: true, detail })

export const wrong = (check: string, detail: string, cure: string): Finding => ({
  check,
  ok: false,
  detail,
  cure,
})
