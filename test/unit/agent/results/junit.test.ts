// JUnit reports, read strictly: they come from the code under test.
import { describe, expect, it } from 'vitest'
import { readJunit } from '../../../../agent/results/junit.ts'
import { readJunitReport } from '../../../../agent/results/read-reports.ts'

/** As pytest 9.0.3 writes it with junit_family=xunit1. */
const PYTEST = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="4" time="0.1">
<testcase classname="tests.test_a" name="test_p[b::c &lt;&quot;&#x4e;]" file="tests/test_a.py" line="1" time="0.001" />
<testcase classname="tests.test_a.TestK" name="test_m" file="tests/test_a.py" line="4" time="0.001"><failure message="assert 0">self = &lt;test_a&gt;
<![CDATA[ </testcase><skipped/> ]]></failure></testcase>
<testcase classname="tests.test_a.TestK" name="test_s" file="tests/test_a.py"><skipped type="pytest.skip" message="x">y</skipped></testcase>
<!-- <testcase name="no"/> --><testcase classname="tests.test_a" name="test_td" file="tests/test_a.py"><error message="teardown"/></testcase></testsuite></testsuites>`

/** As PHPUnit 10 documents it. */
const PHPUNIT = `<?xml version="1.0"?><testsuites><testsuite name="AppTest" file="/check/out/tests/AppTest.php"><testsuite name="AppTest::testAdd">
<testcase name="testAdd with data set #0" file="/check/out/tests/AppTest.php" class="AppTest" classname="AppTest" assertions="1"/></testsuite></testsuite></testsuites>`

describe('a JUnit report', () => {
  it('of pytest gives file, class and test', () => {
    expect(readJunitReport(PYTEST)?.map(({ path, state }) => `${state}: ${path.join(' > ')}`)).toEqual([
      'passed: tests/test_a.py > test_p[b::c <"N]',
      'failed: tests/test_a.py > TestK > test_m',
      'skipped: tests/test_a.py > TestK > test_s',
      'failed: tests/test_a.py > test_td',
    ])
  })

  it('of PHPUnit gives the cases of its inner suites', () => {
    expect(readJunitReport(PHPUNIT)?.map(({ path }) => path)).toEqual([
      ['/check/out/tests/AppTest.php', 'AppTest', 'testAdd with data set #0'],
    ])
  })

  const wrapped = (inner: string) => `<testsuite>${inner}</testsuite>`
  it.each([
    ['nothing', ''],
    ['words', 'no report'],
    ['another document', '<html><testcase name="a"/></html>'],
    ['a document type', `<!DOCTYPE x [<!ENTITY a "b">]>${wrapped('<testcase name="&a;"/>')}`],
    ['an unknown entity', wrapped('<testcase name="&nbsp;"/>')],
    ['an entity named like a method', wrapped('<testcase name="&toString;"/>')],
    ['a lone ampersand', wrapped('<testcase name="a & b"/>')],
    ['a number that is no character', wrapped('<testcase name="&#x110000;"/>')],
    ['a tag that is not closed', '<testsuite><testcase name="a">'],
    ['tags that cross', '<testsuite><testcase name="a"></testsuite></testcase>'],
    ['a second root', `${wrapped('')}<testsuite/>`],
    ['a cut attribute', '<testsuite><testcase name="a'],
    ['a comment without its end', '<testsuite><!-- </testsuite>'],
    ['deep nesting', `${'<testsuite>'.repeat(70)}${'</testsuite>'.repeat(70)}`],
  ])('that holds %s is malformed', (_, xml) => {
    expect(readJunit(xml)).toBeNull()
  })

  it('of many megabytes is read in one go', () => {
    const many = wrapped('<testcase name="&amp;a" classname="b"/>\n'.repeat(100_000))
    expect(readJunit(many)).toHaveLength(100_000)
  })
})
