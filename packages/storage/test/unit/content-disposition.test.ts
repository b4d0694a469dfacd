import { expect, test } from 'vitest'
import { contentDisposition } from '../../src/s3/presign.ts'

const cases = [
  { filename: undefined, header: 'attachment' },
  { filename: 'photo.jpg', header: `attachment; filename="photo.jpg"; filename*=UTF-8''photo.jpg` },
  { filename: 'Bär 1.png', header: `attachment; filename="B_r 1.png"; filename*=UTF-8''B%C3%A4r%201.png` },
  { filename: '写真.png', header: `attachment; filename="__.png"; filename*=UTF-8''%E5%86%99%E7%9C%9F.png` },
  { filename: '👍.png', header: `attachment; filename="_.png"; filename*=UTF-8''%F0%9F%91%8D.png` },
  { filename: 'a"b\\c.png', header: `attachment; filename="a_b_c.png"; filename*=UTF-8''a%22b%5Cc.png` },
  { filename: "it's (1)*!.png", header: `attachment; filename="it's (1)*!.png"; filename*=UTF-8''it%27s%20%281%29%2A!.png` },
  { filename: 'a\r\nSet-Cookie: b', header: `attachment; filename="a__Set-Cookie: b"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b` },
  { filename: 'lone \ud800 half', header: `attachment; filename="lone _ half"; filename*=UTF-8''lone%20%EF%BF%BD%20half` },
  { filename: '100%41.png', header: `attachment; filename="100_41.png"; filename*=UTF-8''100%2541.png` },
]

test.for(cases)('a file named $filename is saved under that name', { meta: { id: 'content-disposition' } }, ({ filename, header }) => {
  expect(contentDisposition('attachment', filename)).toBe(header)
})

test('a file for display has an inline disposition', () => {
  expect(contentDisposition('inline', 'a.png')).toBe(`inline; filename="a.png"; filename*=UTF-8''a.png`)
})
