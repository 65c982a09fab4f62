import { crc32, deflateRawSync } from 'node:zlib';

/** A file for `zipOf`; what isn't said is as usual programs do it. */
export interface ZipFileSpec {
  readonly name: string;
  readonly content: string | Uint8Array;
  /** Not packed. */
  readonly stored?: boolean;
  /** Sizes and checksum behind the data, zeros before it. */
  readonly descriptor?: boolean;
  /** Sizes and offset in ZIP64 fields. */
  readonly zip64?: boolean;
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  /** The name's raw bytes. */
  readonly rawName?: Uint8Array;
}

/** A zip archive (APPNOTE.TXT 6.3), made by hand so that it can be wrong in any way. */
export function zipOf(files: readonly ZipFileSpec[], options: { readonly comment?: string; readonly zip64?: boolean } = {}): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const file of files) {
    const { local, central } = entryOf(file, offset);
    pieces.push(local);
    directory.push(central);
    offset += local.length;
  }
  return Buffer.concat([...pieces, endOf(directory, offset, options)]);
}

export function entryOf(file: ZipFileSpec, offset: number): { readonly local: Buffer; readonly central: Buffer } {
  const plain = Buffer.from(file.content);
  const data = file.stored ? plain : deflateRawSync(plain);
  const name = Buffer.from(file.rawName ?? file.name);
  const method = file.method ?? (file.stored ? 0 : 8);
  const flags = (file.flags ?? 0) | (file.descriptor ? 8 : 0) | 0x800;
  const crc = file.crc ?? crc32(plain);
  const large = file.zip64 || offset > 0xfffffffe;
  const sizes = (hidden: boolean) => numbers([4, hidden ? 0 : crc], [4, hidden ? 0 : data.length], [4, hidden ? 0 : plain.length]);
  const local = Buffer.concat([
    numbers([4, 0x04034b50], [2, 45], [2, flags], [2, method], [4, 0]),
    sizes(file.descriptor === true),
    numbers([2, name.length], [2, 0]),
    name,
    data,
    file.descriptor ? numbers([4, 0x08074b50], [4, crc], [4, data.length], [4, plain.length]) : Buffer.alloc(0),
  ]);
  const extra = large ? numbers([2, 1], [2, 24], [8, plain.length], [8, data.length], [8, offset]) : Buffer.alloc(0);
  const central = Buffer.concat([
    numbers([4, 0x02014b50], [2, 45], [2, 45], [2, flags], [2, method], [4, 0], [4, crc]),
    numbers([4, large ? 0xffffffff : data.length], [4, large ? 0xffffffff : plain.length]),
    numbers([2, name.length], [2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, large ? 0xffffffff : offset]),
    name,
    extra,
  ]);
  return { local, central };
}

export function endOf(
  directory: readonly Buffer[],
  offset: number,
  options: { readonly comment?: string; readonly zip64?: boolean } = {},
): Buffer {
  const central = Buffer.concat(directory);
  const comment = Buffer.from(options.comment ?? '');
  const count = directory.length;
  const large = options.zip64 || count > 0xfffe || offset > 0xfffffffe;
  const zip64 = large
    ? Buffer.concat([
        numbers([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, central.length], [8, offset]),
        numbers([4, 0x07064b50], [4, 0], [8, offset + central.length], [4, 1]),
      ])
    : Buffer.alloc(0);
  const end = numbers(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, large ? 0xffff : count],
    [2, large ? 0xffff : count],
    [4, large ? 0xffffffff : central.length],
    [4, large ? 0xffffffff : offset],
    [2, comment.length],
  );
  return Buffer.concat([central, zip64, end, comment]);
}

/** Little-endian numbers of so many bytes. */
function numbers(...fields: readonly (readonly [bytes: number, value: number])[]): Buffer {
  const buffer = Buffer.alloc(fields.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value), at);
    else buffer.writeUIntLE(value, at, bytes);
    at += bytes;
  }
  return buffer;
}
