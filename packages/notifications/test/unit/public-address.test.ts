import { expect, test } from 'vitest'
import { isPublicAddress } from '../../src/index.ts'

const inside = {
  'the local machine': ['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '::1', '::'],
  'private networks': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1', 'fec0::1'],
  'link-local addresses, with the metadata services of clouds': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'fd00:ec2::254'],
  "a provider's network": ['100.64.0.1', '100.127.255.255'],
  groups: ['224.0.0.1', '239.255.255.255', 'ff02::1', '255.255.255.255'],
  'IPv4 written as IPv6': ['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:a9fe:a9fe', '::127.0.0.1', '::ffff:0:127.0.0.1'],
  'addresses that NAT64, 6to4 and Teredo translate': ['64:ff9b::7f00:1', '64:ff9b:1::a00:1', '2002:7f00:1::', '2001:0:7f00:1::'],
  'reserved addresses': [
    '192.0.0.8',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '2001:db8::1',
    '3fff::1',
    '100::1',
    '4000::1',
  ],
  'invalid addresses': ['', 'localhost', '1.2.3', '2130706433', '0x7f.1', '127.1'],
}

test.for(Object.entries(inside))('%s are not public', ([, addresses], { expect }) => {
  expect(addresses.filter(isPublicAddress)).toEqual([])
})

test('globally reachable addresses are public', () => {
  const outside = [
    '8.8.8.8',
    '93.184.216.34',
    '100.63.255.255',
    '100.128.0.1',
    '172.32.0.1',
    '::ffff:8.8.8.8',
    '2606:4700::1111',
    '2a00:1450::1',
  ]
  expect(outside.filter((address) => !isPublicAddress(address))).toEqual([])
})
