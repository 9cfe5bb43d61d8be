import { describe, expect, test } from 'vitest';
import { TorchError } from '../errors.js';
import {
  dict,
  integer,
  join,
  legacyCheckpoint,
  type Piece,
  pickle,
  rebuild,
  STORAGE,
  sizes,
  text,
  tuple,
  zip,
  zipCheckpoint,
} from './checkpoint.fixture.js';
import { TorchCheckpoint } from './torch-checkpoint.js';

function load(bytes: Uint8Array, key?: string[]) {
  const checkpoint = TorchCheckpoint.fromBytes(bytes, key ? { key } : {}, 'evil.bin');
  return new Map([...checkpoint.tensors.keys()].map((name) => [name, checkpoint.read(name)]));
}

function expectInvalid(bytes: Uint8Array, message: RegExp): void {
  let error: unknown;
  try {
    load(bytes);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(TorchError);
  expect((error as TorchError).code).toBe('CHECKPOINT_INVALID');
  expect((error as TorchError).message).toMatch(message);
  expect((error as TorchError).message).toContain('evil.bin');
}

const floats = (bytes: Uint8Array) => [...new Float32Array(bytes.slice().buffer)];
const named = (value: Piece) => dict(text('w'), value);

test('the hand-made files are valid before they are damaged', () => {
  for (const container of [zipCheckpoint, legacyCheckpoint]) {
    expect(floats(load(container(named(rebuild()))).get('w')!.bytes)).toEqual([0, 1, 2, 3]);
    const edge = rebuild({ offset: 1, shape: [2, 2], strides: [1, 1] });
    expect(floats(load(container(named(edge))).get('w')!.bytes)).toEqual([1, 2, 2, 3]);
  }
  const view = rebuild({ view: [1, 3], offset: 1, shape: [2] });
  expect(floats(load(legacyCheckpoint(named(view))).get('w')!.bytes)).toEqual([2, 3]);
  expect(load(zip([{ name: 'a/data.pkl', data: pickle('}') }], 'a comment')).size).toBe(0);
});

describe('tensors that lie', () => {
  const cases: [string, Parameters<typeof rebuild>[0], RegExp][] = [
    ['one element too many', { shape: [5] }, /beyond the storage/],
    ['offset by one', { offset: 1 }, /beyond the storage/],
    ['stride too long', { shape: [2], strides: [4] }, /beyond the storage/],
    ['stride of 2^52', { shape: [2], strides: [2 ** 52] }, /beyond the storage/],
    ['offset behind an empty tensor', { offset: 5, shape: [0] }, /beyond the storage/],
    ['negative offset', { offset: -1 }, /offset is not made of whole numbers/],
    ['negative size', { shape: [-1] }, /size is not made of whole numbers/],
    ['negative stride', { strides: [-1] }, /stride is not made of whole numbers/],
    ['size of 2^64', { shape: [2n ** 64n] }, /size is not made of whole numbers/],
    ['overflowing size', { shape: [2 ** 40, 2 ** 40], strides: [0, 0] }, /overflows/],
    ['overflow in bytes', { shape: [2 ** 51], strides: [0] }, /overflows/],
    ['fewer strides', { shape: [2, 2] }, /2 sizes, but 1 strides/],
    ['65 dimensions', { shape: Array(65).fill(1), strides: Array(65).fill(1) }, /65 dimensions/],
    ['a terabyte by stride 0', { shape: [2 ** 38], strides: [0] }, /'w'.*repeats a smaller storage/],
    ['storage larger than the file', { elements: 2 ** 40 }, /claims 4398046511104 bytes/],
    ['storage length negative', { elements: -4 }, /length of storage/],
    ['storage shorter than its record', { elements: 3, shape: [3] }, /storage '0' has/],
    ['storage of another type', { type: 'DoubleStorage' }, /storage '0' has|needs 32 bytes/],
    ['missing storage', { key: '7' }, /storage '7'|that no tensor uses/],
    ['storage of a path', { key: '../data.pkl' }, /storage '..\/data.pkl'|no tensor uses/],
  ];
  test.each(cases)('%s', (_, plan, message) => {
    expectInvalid(zipCheckpoint(named(rebuild(plan))), message);
    expectInvalid(legacyCheckpoint(named(rebuild(plan))), message);
  });

  test('one storage described in two ways', () => {
    const two = (plan: Parameters<typeof rebuild>[0]) => dict(text('a'), rebuild(), text('b'), rebuild(plan));
    expectInvalid(zipCheckpoint(two({ type: 'IntStorage' })), /described in two ways/);
    expectInvalid(zipCheckpoint(two({ elements: 3, shape: [3] })), /described in two ways/);
  });

  test('views of storages', () => {
    expectInvalid(legacyCheckpoint(named(rebuild({ view: [2, 3], shape: [1] }))), /view reaches beyond/);
    expectInvalid(legacyCheckpoint(named(rebuild({ view: [2, 2], shape: [3] }))), /beyond the storage/);
    expectInvalid(
      legacyCheckpoint(named(rebuild({ view: [0, 2], type: 'UntypedStorage', elements: 16, shape: [1] }))),
      /untyped/,
    );
  });

  test('arguments of the wrong kind', () => {
    const call = (name: string, ...args: Piece[]) => named(join(`c${name}\n`, tuple(...args), 'R'));
    expectInvalid(zipCheckpoint(call('torch._utils\n_rebuild_tensor_v2')), /first argument is no storage/);
    expectInvalid(
      zipCheckpoint(call('torch._utils\n_rebuild_tensor_v2', '}', integer(0), ')', ')')),
      /no storage/,
    );
    expectInvalid(zipCheckpoint(call('torch._utils\n_rebuild_parameter', text('x'))), /no tensor/);
    expectInvalid(zipCheckpoint(call('torch._utils\n_rebuild_tensor_v3')), /dtype is missing/);
    expectInvalid(zipCheckpoint(call('collections\nOrderedDict', integer(1))), /expected a list or tuple/);
    expectInvalid(zipCheckpoint(call('_codecs\nencode', text('x'), text('rot13'))), /only latin1/);
    expectInvalid(zipCheckpoint(named(join(text('module'), 'Q'))), /persistent id that is no storage/);
  });
});

describe('pickles that break the machine', () => {
  const deep = (count: number) => join(']'.repeat(count), 'a'.repeat(count - 1));
  const cases: [string, Piece, RegExp][] = [
    ['pop from an empty stack', '0', /no open mark/],
    ['tuple of an empty stack', '\x85', /stack underflow/],
    ['reaching below a mark', 'K\x01K\x02(\x86', /stack underflow/],
    ['reaching below a mark that is closed later', 'K\x01K\x02(\x86t', /stack underflow/],
    ['call below a mark', 'ccollections\nOrderedDict\n)(R', /stack underflow/],
    ['stop inside a mark', '(', /stack underflow/],
    ['call of a number', 'K\x01)R', /no global/],
    [
      'call with a list',
      'ccollections\nOrderedDict\n]R',
      /arguments of collections\.OrderedDict are no tuple/,
    ],
    ['append to a dictionary', '}K\x01a', /no list/],
    ['item of a list', ']K\x01K\x02s', /no dictionary/],
    ['odd items', '}(K\x01u', /without a value/],
    ['additems to a list', '](K\x01\x90', /no set/],
    ['unset memo', 'h\x05', /memo entry 5/],
    ['memo of nothing', 'q\x00', /stack underflow/],
    ['protocol 6', '\x80\x06N', /protocol 6/],
    ['unknown opcode', '\xff', /unknown opcode 0xff/],
    ['string beyond the end', 'X\xff\xff\xff\xff', /4294967295 bytes needed/],
    ['bytes beyond 2^53', '\x8e\xff\xff\xff\xff\xff\xff\xff\xff', /bytes needed/],
    ['frame beyond the end', '\x95\xff\x00\x00\x00\x00\x00\x00\x00', /255 bytes needed/],
    ['negative string length', 'T\xff\xff\xff\xff', /bytes needed/],
    ['huge integer', '\x8b\xff\xff\xff\x7f', /an integer of 2147483647 bytes/],
    ['negative integer length', '\x8b\xff\xff\xff\xff', /an integer of -1 bytes/],
    ['words as integer', 'Iabc\n', /malformed integer/],
    ['words as number', 'Fabc\n', /malformed number/],
    ['unquoted string', 'Sabc\n', /without quotes/],
    ['not UTF-8', join('X', Buffer.from([1, 0, 0, 0]), '\xff'), /not UTF-8/],
    ['a million marks', '('.repeat(1_000_000), /nested deeper than 1000/],
    ['a list in itself', ']q\x00h\x00a', /contains itself/],
    ['a dictionary in itself', join('}q\x00', text('x'), 'h\x00s'), /contains itself/],
    ['lists 100,000 deep', deep(100_000), /nested deeper than 64/],
    [
      '2^40 visits through the memo',
      join(']q\x00', ...Array.from({ length: 40 }, () => '0](h\x00h\x00eq\x00')),
      /more than 1000000 entries/,
    ],
    [
      'names that collide',
      dict(text('a.b'), rebuild(), text('a'), dict(text('b'), rebuild())),
      /two tensors are called 'a\.b'/,
    ],
  ];
  test.each(cases)('%s', (_, value, message) => {
    expectInvalid(zipCheckpoint(value), message);
  });

  test('all kinds of harmless values are read and skipped', () => {
    const values = [
      'N',
      '\x88',
      'I01\n',
      'I-5\n',
      'L7L\n',
      'F1.5e3\n',
      'Fnan\n',
      'F-inf\n',
      "S'a\\x41\\n'\n",
      'Vx\\u4e2d\n',
      'U\x01a',
      'G\x3f\xf8\0\0\0\0\0\0',
      '\x8a\x02\xff\x00',
      '\x8c\x01a',
      'C\x01a',
      '\x96\x01\0\0\0\0\0\0\0a',
      '(\x91',
      '\x8f(K\x01\x90',
      '(K\x01l',
      '(K\x01K\x02d',
      'ctorch\nSize\n((K\x01tt\x81',
      'ctorch\nfloat32\n',
      '(ccollections\nOrderedDict\no',
      '(icollections\nOrderedDict\n',
      'p5\ng5\n0N',
    ];
    const checkpoint = TorchCheckpoint.fromBytes(
      zipCheckpoint(
        dict(...values.flatMap((value, index) => [text(`k${index}`), value]), text('w'), rebuild()),
      ),
    );
    expect([...checkpoint.tensors.keys()]).toEqual(['w']);
    expect(checkpoint.skipped).toContain('k0');
  });

  test('names from the file do not reach the terminal as control characters', () => {
    const bytes = zipCheckpoint('cos\n\x1b[31msystem\n)R');
    expect(() => load(bytes)).toThrow(/os\.\?\[31msystem/);
  });
});

describe('containers', () => {
  const data = pickle(named(rebuild()));
  const good = [
    { name: 'a/data.pkl', data },
    { name: 'a/data/0', data: STORAGE },
  ];

  test('zip directories that lie', () => {
    expectInvalid(zip([...good, good[1]!]), /occurs twice/);
    expectInvalid(zip([good[0]!, { ...good[1]!, local: 0 }]), /overlaps/);
    expectInvalid(zip([good[0]!, { ...good[1]!, local: 3 }]), /has no header/);
    expectInvalid(zip([good[0]!, { ...good[1]!, local: 0x7fffffff }]), /outside of the file/);
    expectInvalid(zip([good[0]!, { ...good[1]!, flags: 1 }]), /encrypted/);
    expectInvalid(zip([good[0]!, { ...good[1]!, method: 8 }]), /compressed/);
    expectInvalid(zip([{ ...good[0]!, method: 8 }, good[1]!]), /compressed/);
    expectInvalid(zip([...good, { name: 'b/data.pkl', data }]), /several data\.pkl/);
    expectInvalid(zip([{ name: 'data.pkl', data }]), /no data\.pkl/);
    expectInvalid(zip([...good, { name: 'a/byteorder', data: Buffer.from('middle') }]), /byteorder/);
    for (const name of ['/etc/x', 'a/../../x', 'C:\\x', 'a\\..\\x', 'a\0b']) {
      expect(() => load(zip([...good, { name, data }]))).toThrow(/outside of the archive/);
    }
  });

  test('zip64 fields are followed, and checked', () => {
    const plain = zip(good);
    const end = plain.length - 22;
    const wide = Buffer.alloc(56 + 20);
    wide.writeUInt32LE(0x06064b50, 0);
    wide.writeBigUInt64LE(BigInt(plain.readUInt16LE(end + 10)), 32);
    wide.writeBigUInt64LE(BigInt(plain.readUInt32LE(end + 12)), 40);
    wide.writeBigUInt64LE(BigInt(plain.readUInt32LE(end + 16)), 48);
    wide.writeUInt32LE(0x07064b50, 56);
    wide.writeBigUInt64LE(BigInt(end), 56 + 8);
    const tail = Buffer.from(plain.subarray(end));
    tail.fill(0xff, 8, 20);
    const build = () => Buffer.concat([plain.subarray(0, end), wide, tail]);
    expect(floats(load(build()).get('w')!.bytes)).toEqual([0, 1, 2, 3]);
    wide.writeBigUInt64LE(2n ** 63n, 48);
    expectInvalid(build(), /no valid directory/);
    wide.writeBigUInt64LE(2n ** 63n, 56 + 8);
    expectInvalid(build(), /zip64 directory lies outside/);
  });

  test('the older layout', () => {
    const value = named(rebuild());
    expectInvalid(legacyCheckpoint(value, { elements: 3n }), /has 3 elements, its description says 4/);
    expectInvalid(legacyCheckpoint(value, { elements: -1n }), /has -1 elements/);
    expectInvalid(legacyCheckpoint(value, { storage: STORAGE.subarray(1) }), /needs 16 bytes/);
    expectInvalid(legacyCheckpoint(value, { protocol: 7 }), /protocol is 7/);
    expectInvalid(legacyCheckpoint(value, { keys: ']' }), /storage '0' is missing/);
    expectInvalid(legacyCheckpoint(value, { keys: 'N' }), /list of storages is missing/);
    const twice = join('](', text('0'), text('0'), 'e');
    expectInvalid(legacyCheckpoint(value, { keys: twice, storage: Buffer.alloc(100) }), /occurs twice/);
    expectInvalid(legacyCheckpoint(value, { keys: join('](', text('9'), 'e') }), /no tensor uses/);
    expectInvalid(pickle(integer(5)), /neither a zip archive nor/);
    expectInvalid(pickle(sizes([1, 2])), /neither a zip archive nor/);
  });
});
