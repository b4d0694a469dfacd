import { type CorpusFile, good, original } from '../corpus-file.ts'
import { exif, exifWith, withSegments } from '../surgery/jpeg.ts'
import { before, internationalText, text } from '../surgery/png.ts'
import { chunk, chunksOf, extendedHeader, webpOf } from '../surgery/webp.ts'

const png = () => original('ff-rgb24.png')
const photo = () => original('im-baseline.jpg')

/** Parameters of Automatic1111: the prompt, the negative prompt, then settings by name. */
const parameters = (prompt: string): string => `${prompt}, <lora:add_detail:0.8>, (masterpiece:1.2), [sketch|photo], BREAK, {best quality}
Negative prompt: lowres, (bad anatomy:1.4), <deepnegative>, text, watermark
Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 3284711523, Size: 640x448, Model hash: 6ce0161689, Model: v1-5-pruned, Denoising strength: 0.45, ControlNet 0: "Module: canny, Weight: 1, Resize Mode: Crop and Resize", Hires upscaler: R-ESRGAN 4x+, Lora hashes: "add_detail: 7c6bad76eb54", Script: X/Y/Z plot, X Type: Prompt S/R, Version: v1.9.4`

/** Parameters of ComfyUI: the prompt for its API, and the graph for its editor. */
export const comfy = (prompt: string) => ({
  prompt: JSON.stringify({
    '3': {
      class_type: 'KSampler',
      inputs: { seed: 156680208700286, steps: 20, cfg: 8.0, sampler_name: 'euler', model: ['4', 0], positive: ['6', 0] },
    },
    '6': { class_type: 'CLIPTextEncode', inputs: { text: prompt, clip: ['4', 1] }, _meta: { title: 'CLIP Text Encode (Prompt)' } },
  }),
  workflow: JSON.stringify({
    last_node_id: 9,
    nodes: [
      { id: 6, type: 'CLIPTextEncode', pos: [415, 186], widgets_values: [prompt], properties: { 'Node name for S&R': 'CLIPTextEncode' } },
    ],
    links: [[3, 4, 1, 6, 0, 'CLIP']],
    groups: [{ title: 'Step 1 - <load> "model"', bounding: [0, 0, 300, 200] }],
    version: 0.4,
  }),
})

/** EXIF's UserComment: its encoding in eight bytes, then UTF-16, as piexif writes it for Automatic1111. */
const userComment = (words: string): Buffer => {
  const tiff = exifWith(0x9286, Buffer.concat([Buffer.from('UNICODE\0'), Buffer.from(words, 'utf16le').swap16()]), 7)
  return tiff
}

const prompts: readonly (readonly [name: string, why: string, prompt: string])[] = [
  ['plain', 'a plain prompt', 'a castle on a cliff at dusk, 35mm'],
  [
    'code',
    'a prompt about code',
    'monitor with JavaScript: "The Good Parts" on it, PHP & <object> and <svg> tags, a <script> on paper, if (a < b)',
  ],
]

/** Metadata of picture generators. */
export const generatorFiles: readonly CorpusFile[] = prompts.flatMap(([name, why, prompt]) => [
  good(`a1111-${name}.png`, `Automatic1111's parameters in a text: ${why}`, () =>
    before(png(), 'IDAT', text('parameters', parameters(prompt))),
  ),
  good(`a1111-international-${name}.png`, `Automatic1111's parameters in an international text: ${why}`, () =>
    before(png(), 'IDAT', internationalText('parameters', `${parameters(prompt)}, 城, été`, true)),
  ),
  good(`a1111-${name}.jpg`, `Automatic1111's parameters in EXIF's comment: ${why}`, () =>
    withSegments(photo(), exif(userComment(parameters(prompt)))),
  ),
  good(`a1111-${name}.webp`, `Automatic1111's parameters in the EXIF of a WebP: ${why}`, () =>
    webpOf([extendedHeader(64, 48, 0x08), ...chunksOf(original('cwebp-lossy.webp')), chunk('EXIF', userComment(parameters(prompt)))]),
  ),
  good(`comfyui-${name}.png`, `ComfyUI's prompt and graph: ${why}`, () => {
    const { prompt: api, workflow } = comfy(prompt)
    return before(png(), 'IDAT', text('prompt', api), text('workflow', workflow))
  }),
  good(`comfyui-${name}.webp`, `ComfyUI's prompt and graph as make and model in EXIF: ${why}`, () =>
    webpOf([
      extendedHeader(64, 48, 0x08),
      ...chunksOf(original('cwebp-lossy.webp')),
      chunk('EXIF', exifWith(0x010f, `workflow:${comfy(prompt).workflow}\0`)),
    ]),
  ),
])
