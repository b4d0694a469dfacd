import { Airlock } from '@airlock/client'

const token = () => fetch('/airlock-token').then((response) => response.text())
const airlock = new Airlock({ baseUrl: 'https://airlock.example.com', token })
document.querySelector('input').addEventListener('change', async ({ target }) => {
  const onProgress = ({ sentBytes, totalBytes }) => document.querySelector('progress').setAttribute('value', sentBytes / totalBytes)
  const uploading = airlock.upload(target.files[0], { assetType: 'brand_image', onProgress })
  const result = await uploading.catch((error) => error)
  document.querySelector('output').textContent = result.detail ?? `${result.original_filename} is uploaded`
})
