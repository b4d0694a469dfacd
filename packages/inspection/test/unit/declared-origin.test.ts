import { describe, expect, test } from 'vitest'
import { declaredRows } from '../../corpus/good/declared.ts'
import { generatorFiles } from '../../corpus/good/generators.ts'
import { declaredIn } from '../../src/full/provenance/declared-origin.ts'
import { generatedByAi, termOf } from '../../src/full/provenance/digital-source-types.ts'
import { plainText } from '../../src/full/provenance/texts.ts'
import { inspected } from '../sources.ts'

test.each(generatorFiles)('$file declares its generator without credentials', async ({ file, make }) => {
  const verdict = await inspected(await make(), file)
  const generator = file.includes('comfyui') ? 'ComfyUI' : 'Automatic1111'
  expect(verdict.ok && verdict.facts.provenance).toEqual({
    present: false,
    declared: { generator, digital_source_type: null, ai_generated: true },
  })
})

test.each(declaredRows)('$file declares what its row says', async ({ file, make, declared }) => {
  const verdict = await inspected(await make(), file)
  expect(verdict.ok && verdict.facts.provenance).toEqual(declared === null ? { present: false } : { present: false, declared })
})

describe('XMP declares a digital source type', () => {
  const address = 'http://cv.iptc.org/newscodes/digitalsourcetype/'
  test.each([
    [
      'as an attribute',
      `<rdf:Description Iptc4xmpExt:DigitalSourceType="${address}trainedAlgorithmicMedia"/>`,
      'trainedAlgorithmicMedia',
      true,
    ],
    ['as an element', `<Iptc4xmpExt:DigitalSourceType>${address}digitalCapture</Iptc4xmpExt:DigitalSourceType>`, 'digitalCapture', false],
    ['as a resource', `<Iptc4xmpExt:DigitalSourceType rdf:resource='${address}compositeSynthetic'/>`, 'compositeSynthetic', true],
    ['that says nothing about AI', `x DigitalSourceType="${address}virtualRecording"`, 'virtualRecording', null],
  ])('%s', (_, xmp, term, ai) => {
    expect(declaredIn([Buffer.from(xmp)])).toEqual({ generator: null, digital_source_type: term, ai_generated: ai })
  })

  test.each(['DigitalSourceType="https://example.com/trainedAlgorithmicMedia"', 'DigitalSourceType is trainedAlgorithmicMedia'])(
    'but not in %s',
    (text) => {
      expect(declaredIn([Buffer.from(text)])).toBeUndefined()
    },
  )
})

test.each([
  ['Software\0NovelAI', 'NovelAI'],
  ['<xmp:CreatorTool>Adobe Firefly 3</xmp:CreatorTool>', 'Adobe Firefly 3'],
  ['Software\0GIMP 2.10', null],
  ['a photo in the style of Midjourney', null],
])('the program in %j is %j', (text, generator) => {
  expect(declaredIn([Buffer.from(text)])?.generator ?? null).toBe(generator)
})

test('long texts take linear time', () => {
  const texts = ['Steps: 1, ', 'DigitalSourceType="', 'CreatorTool= ', '"class_type" '].map((part) => Buffer.from(part.repeat(400_000)))
  const begun = performance.now()
  for (const text of texts) declaredIn([text])
  expect(performance.now() - begun).toBeLessThan(2000)
})

test('terms of digital source types', () => {
  expect(termOf('http://c2pa.org/digitalsourcetype/trainedAlgorithmicData')).toBe('trainedAlgorithmicData')
  expect([termOf('<b>'), termOf(5), termOf('x'.repeat(300))]).toEqual([null, null, null])
  expect([generatedByAi('constructor'), generatedByAi('digitalCapture'), generatedByAi('trainedAlgorithmicData')]).toEqual([
    null,
    false,
    true,
  ])
})

test('texts of a file become one visible line of at most 200 characters', () => {
  expect(plainText('a\n\u202eb\u0000\u200bc')).toBe('a b c')
  expect(plainText('\u0007 ')).toBeNull()
  expect(plainText(`${'x'.repeat(199)}😀`)).toHaveLength(200)
  expect(plainText('y'.repeat(1_000_000))).toHaveLength(200)
  expect(plainText({})).toBeNull()
})
