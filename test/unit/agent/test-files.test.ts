// Which files are tests, settings of runners, scripts of checks, installed or shadowing modules: tables by path.
import { describe, expect, test } from 'vitest'
import {
  isCheckScript,
  isInstalled,
  isManifest,
  isRunnerSetting,
  isShadow,
  isTestFile,
} from '../../../agent/checks/test-files.ts'

const words = (text: string): string[] => text.trim().split(/\s+/)

const TABLE: [name: string, is: (path: string) => boolean, yes: string, no: string][] = [
  [
    'isTestFile',
    isTestFile,
    `test.js test.ts tests.py app/tests.py src/add/test.ts spec.js t/basic.t add_test.go test/helper.js src/__tests__/a.ts
     a.bats test/a.bats tests/testthat/test-a.R R/test-a.R tests/CMakeLists.txt src/cart_unittest.cc test_cart.c CartTest.java
     src/CartTests.cs conftest.py pkg/test_a.py pkg/a_test.py a.test.tsx a-test.mjs a.spec.vue spec/models/cart_spec.rb spec/a.rb
     cypress/e2e/a.cy.ts fixtures/a.json testdata/x golden/out.txt x/__snapshots__/a.snap main.tftest.hcl features/a.feature
     test/runtests.jl src/tests.rs cart.approved src/cart.e2e.ts`,
    `testutil.go vitest.setup.ts testing.py pkg/testing.py src/latest.ts contest.py attest.go src/testable.ts spec.md spec/api.md
     src/inspect.ts protest.js test.json src/greatest.rs README.md src/add/index.ts Contest.java src/utils/tester.ts main.tf`,
  ],
  [
    'isRunnerSetting',
    isRunnerSetting,
    `vitest.config.ts vitest.unit.config.mts vitest.workspace.ts vitest.setup.ts jest.config.e2e.js jest-setup.js setupTests.ts
     .mocharc.yml .npmrc pnpm-workspace.yaml .yarnrc.yml tsconfig.json packages/a/tsconfig.build.json pytest.ini tox.ini a.pth
     Makefile GNUmakefile build/rules.mk justfile Taskfile.yml Rakefile .cargo/config.toml .ralph/checks.sh .config/nextest.toml
     go.work .golangci.yml phpunit.xml.dist .rspec .env .env.test .taprc .c8rc.json eslint.config.js biome.json tasks.py noxfile.py
     CTestCustom.cmake sitecustomize.py .busted`,
    `package.json pyproject.toml setup.cfg src/config.ts src/vitest.ts config/app.yml src/setup.ts environment.ts .envrc.md
     CMakeLists.txt requirements.txt src/make.ts jest.md`,
  ],
  [
    'isManifest',
    isManifest,
    'package.json web/package.json pyproject.toml setup.cfg Cargo.toml',
    'a.json setup.py',
  ],
  [
    'isCheckScript',
    isCheckScript,
    'scripts/a.js scripts/lib/a.js tools/x.py hack/go ci/run e.sh run_all.py verify.js checks/links.py expected.txt run-tests.js',
    'src/cli.js src/run.ts lib/check.js index.js out.txt app/test_runner/x.js packages/a/src/utils/assert.ts',
  ],
  [
    'isInstalled',
    isInstalled,
    'node_modules/a/i.js web/node_modules/a .venv/bin/x a-1.0.dist-info/entry_points.txt x.egg-info/PKG-INFO .pnp.cjs',
    'src/modules/a.js venv.md dist/info.txt',
  ],
  [
    'isShadow',
    isShadow,
    'json.py re.py random/__init__.py src/logging.py tests/unittest.py pytest.py _pytest/__init__.py email/__init__.py',
    'app/json.py src/app/types.py jsonx.py app/logging/__init__.py README.md',
  ],
]

describe.each(TABLE)('%s', (_, is, yes, no) => {
  test.each(words(yes))('%s', (path) => {
    expect(is(path)).toBe(true)
  })

  test.each(words(no))('not %s', (path) => {
    expect(is(path)).toBe(false)
  })
})
