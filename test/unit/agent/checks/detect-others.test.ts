// Which files of other languages make a check, and which files their checks stand on.
import { describe, expect, it } from 'vitest'
import { detectOthers } from '../../../../agent/checks/detect-others.ts'
import { everyTool, treeOf } from '../../../real/support/tree-of.ts'

const find = async (files: Record<string, string>) =>
  (await detectOthers(treeOf(files), everyTool))?.checks.map(({ kind, shown }) => `${kind}: ${shown}`) ?? []

describe('checks of other languages', () => {
  // Regression: the proof took the base's go.mod for a file of the check, so a plan could add no dependency.
  it.each(['go.mod', 'CMakeLists.txt', 'pom.xml', 'App.csproj', 'main.tf', 'mix.exs'])(
    'do not stand on %s, which the work may change',
    async (path) => {
      const found = await detectOthers(treeOf({ [path]: '' }), everyTool)
      expect(found?.checks.length).toBeGreaterThan(0)
      expect(found?.checks.flatMap(({ files }) => files)).toEqual([])
    },
  )

  it('stand on the wrapper that they run', async () => {
    const found = await detectOthers(treeOf({ gradlew: '', 'build.gradle': '' }), everyTool)
    expect(found?.checks.map(({ files }) => files)).toEqual([['gradlew']])
  })

  // Regression: one such file anywhere gave a check at the root, which could only fail.
  it.each(['third_party/x/CMakeLists.txt', 'vendor/x/meson.build', 'lib/CMakeLists.txt'])(
    'are none of the root when only %s is there',
    async (path) => {
      expect(await find({ [path]: "enable_testing()\ntest('a', b)\n" })).toEqual([])
    },
  )

  it.each([
    [{ 'CMakeLists.txt': '', 'src/unit/CMakeLists.txt': 'enable_testing()' }, 'tests: ctest'],
    [
      { 'CMakeLists.txt': '', 'third_party/gtest/CMakeLists.txt': 'enable_testing()' },
      'build: cmake --build',
    ],
    [{ 'meson.build': '', 'unit/meson.build': "test('a', b)\n" }, 'tests: meson test'],
    [{ 'meson.build': '', 'subprojects/x/meson.build': "test('a', b)\n" }, 'build: meson compile'],
  ])("tell tests by the project's own files: %j", async (files, expected) => {
    expect(await find(files)).toEqual([expected])
  })

  // Regression: a program that the packages do not bring was called from them and ended with 127.
  it.each([
    [{ 'phpunit.xml': '', 'composer.json': '{"require-dev":{"phpunit/phpunit":"*"}}' }, 'vendor/bin/phpunit'],
    [{ 'phpunit.xml': '', 'composer.json': '{}' }, 'phpunit'],
    [{ 'phpunit.xml.dist': '' }, 'phpunit'],
    [{ '.rspec': '', Gemfile: "gem 'rspec'" }, 'bundle exec rspec'],
    [
      { '.rspec': '', Gemfile: 'gemspec', 'x.gemspec': "add_development_dependency 'rspec'" },
      'bundle exec rspec',
    ],
    [{ '.rspec': '', Gemfile: "gem 'json' # no rspec" }, 'rspec'],
    [{ Rakefile: 'task :test', Gemfile: "gem 'rails'" }, 'bundle exec rake test'],
    [{ Rakefile: 'task :test', Gemfile: "gem 'json'" }, 'rake test'],
    [{ 'test/test_a.rb': '', Gemfile: "gem 'json'" }, 'minitest'],
  ])('call a program from where it is: %j', async (files, expected) => {
    expect(await find(files)).toEqual([`tests: ${expected}`])
  })
})
