// The machine's own Chromium, driven by playwright-core. test/support/needs.ts says where it stands.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { chromiumPath, needs } from '../../support/needs.ts'

export async function launchChromium(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error(needs.chromium() ?? '')
  // Chromium does not start as root with its own sandbox, and CI is root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath: chromiumPath, args, timeout: 240_000 })
}

/** Whether the page fits a phone's width; with SCREENSHOTS=folder also its picture there, on a desktop and a phone, light and dark. */
export async function fitsPhone(page: Page, name: string): Promise<boolean> {
  const folder = process.env['SCREENSHOTS']
  const before = page.viewportSize() ?? { width: 1_280, height: 800 }
  if (folder !== undefined) await mkdir(folder, { recursive: true })
  const shoot = async (how: string): Promise<void> => {
    if (folder !== undefined)
      await page.screenshot({ path: join(folder, `${name}-${how}.png`), fullPage: true })
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await shoot('desktop-light')
  await page.setViewportSize({ width: 360, height: 740 })
  const fits = (await page.evaluate('document.documentElement.scrollWidth <= innerWidth')) === true
  await shoot('phone-light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await shoot('phone-dark')
  await page.setViewportSize(before)
  await shoot('desktop-dark')
  await page.emulateMedia({ colorScheme: 'light' })
  return fits
}
