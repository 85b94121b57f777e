// Arguments are added only where the last simple command is the runner, and nothing about it is unclear.
import { describe, expect, it } from 'vitest'
import { appendArguments } from '../../../../agent/results/append-arguments.ts'

const scripts = {
  test: 'tsc && NODE_OPTIONS=--experimental-vm-modules jest --ci',
  vite: 'cross-env NODE_OPTIONS=--no-warnings vitest run',
  plain: 'jest',
  piped: 'NODE_OPTIONS=-x jest | tee log',
  inner: 'npm run test',
  php: 'vendor/bin/phpunit',
}
const asked = (command: string) => appendArguments(command, scripts, (name) => `/r/${name}`).command

const JEST = '--json --outputFile=/r/jest.json'
const VITEST = '--reporter=default --reporter=json --outputFile.json=/r/vitest.json'

describe('arguments', () => {
  it.each([
    ['go test ./...', 'go test -json ./...'],
    [
      'cd "a b" && CGO_ENABLED=0 go test -tags=x -run "A|B" ./...',
      'cd "a b" && CGO_ENABLED=0 go test -json -tags=x -run "A|B" ./...',
    ],
    ['npm test', `npm test -- ${JEST}`],
    ['CI=true npm run test', `CI=true npm run test -- ${JEST}`],
    ['npm t -- --silent', `npm t -- --silent ${JEST}`],
    ['cd p && pnpm run vite', `cd p && pnpm run vite ${VITEST}`],
    ['corepack yarn vite', `corepack yarn vite ${VITEST}`],
    ['./vendor/bin/phpunit --testdox', './vendor/bin/phpunit --testdox --log-junit /r/phpunit.xml'],
  ])('are added to %s', (command, expected) => {
    expect(asked(command)).toBe(expected)
  })

  it.each([
    'go test -json ./...',
    'go test -c ./...',
    'go test ./... | tee log',
    'go test ./... > log',
    '(go test ./...)',
    'go test ./... || true',
    'if true; then go test ./...; fi',
    'echo "go test" # go test',
    "bash -c 'go test ./...' .ralph/checks.sh",
    'go test $(go list ./...)',
    'go test "unclosed',
    'npm run plain',
    'npm run piped',
    'npm run inner',
    'npm run toString',
    'npm test -w packages/a',
    'npm test --prefix a',
    'bun test',
    'make test',
    '',
  ])('are not added to %s', (command) => {
    expect(asked(command)).toBe(command)
  })
})
