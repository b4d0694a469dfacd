import { expect, test } from 'vitest'
import { waitFor, within } from '../../src/wait-for.ts'

test('the first truthy result is returned, and errors count as not yet', async () => {
  const answers = [() => null, () => Promise.reject(new Error('not up')), () => 'here']
  expect(await waitFor(() => answers.shift()?.(), { what: 'it', everyMs: 1 })).toBe('here')
})

test('a timeout names what was expected, with the last error as its cause', async () => {
  const waiting = waitFor(() => Promise.reject(new Error('refused')), { what: 'the server', timeoutMs: 20, everyMs: 5 })
  await expect(waiting).rejects.toMatchObject({ message: 'Timed out after 20 ms waiting for the server', cause: { message: 'refused' } })
})

test('a check that never returns ends at the deadline', async () => {
  const started = Date.now()
  await expect(waitFor(() => new Promise(() => {}), { what: 'an answer', timeoutMs: 50 })).rejects.toThrow('Timed out after 50 ms')
  expect(Date.now() - started).toBeLessThan(2_000)
})

test('work that ends in time throws its own error', async () => {
  await expect(within(1_000, Promise.reject(new Error('its own')), 'it')).rejects.toThrow('its own')
})
