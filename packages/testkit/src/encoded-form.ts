/** A form as it goes over the wire. */
export interface EncodedForm {
  readonly body: Uint8Array<ArrayBuffer>
  readonly type: string
}

/**
 * Encodes a form before it is sent.
 *
 * Given a `FormData`, the fetch of Node 24.21 goes on filling the body of a request whose connection has ended: "ReadableStream is already
 * closed", thrown where nobody can catch it, and the process is gone. Bytes are handed over at once.
 */
export async function encodedForm(form: FormData): Promise<EncodedForm> {
  const encoded = new Response(form)
  return { body: new Uint8Array(await encoded.arrayBuffer()), type: encoded.headers.get('content-type') ?? '' }
}
