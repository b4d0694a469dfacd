import { expect, test } from 'vitest'
import { renderTable } from '../../../start/samples.ts'

test('columns are as wide as their widest cell, numbers are right-aligned', () => {
  const table = renderTable(
    ['file', 'size'],
    [
      ['logo.png', '8137'],
      ['Grüße.jpeg', '36886'],
      ['u\u0308.png', ''],
    ],
  )

  expect(table.split('\n')).toEqual(['file         size', '──────────  ─────', 'logo.png     8137', 'Grüße.jpeg  36886', 'u\u0308.png'])
})
