/** Turns bytes of an encoding into UTF-8, line by line, and remembers which bytes each line came from. */
interface Transcoder {
  push(chunk: Buffer): Buffer;
  /** What is left once the input ended. */
  end(): Buffer;
  /** The input's bytes for a range of the UTF-8 bytes; both ends must be at a line's begin or end. */
  original(start: number, end: number): Uint8Array;
  forget(before: number): void;
}

/** A byte that UTF-8 never has: what isn't valid in the input's encoding must not become valid (as U+FFFD would). */
const INVALID = Buffer.from([0xff]);
/** A line longer than any record may be is handed on as it is, to be refused there: it must not fill the memory here. */
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** @param encoding a WHATWG name other than `utf-8` */
export function transcoder(encoding: string): Transcoder {
  const decode = lineDecoder(encoding);
  const unit = encoding.startsWith('utf-16') ? 2 : 1;
  const lowByte = encoding === 'utf-16be' ? 1 : 0;
  // Where each run of line ends stops, in the input and in the UTF-8 bytes. The first entry is where memory begins.
  let sourceEnds = [0];
  let utf8Ends = [0];
  let blocks: { readonly start: number; readonly bytes: Buffer }[] = [];
  let carry: Buffer[] = [];
  let carried = 0;
  let sourceAt = 0;
  let utf8At = 0;

  return {
    push: (chunk) => {
      const before = carried;
      // Only the new bytes can end a line; one before them lets a UTF-16 unit be whole.
      const open = !mayEndLine(chunk) && (unit === 1 || before === 0 || !mayEndLine(carry.at(-1)!.subarray(-1)));
      carry.push(chunk);
      carried += chunk.length;
      if (open && carried < LONGEST_LINE_BYTES) return NOTHING;
      const all = carry.length === 1 ? chunk : Buffer.concat(carry, carried);
      const cut = carried < LONGEST_LINE_BYTES ? lastLineEnd(all, Math.max(0, before - 1)) : all.length - (all.length % unit);
      carry = cut < all.length ? [all.subarray(cut)] : [];
      carried = all.length - cut;
      return block(all.subarray(0, cut));
    },
    end: () => {
      const rest = Buffer.concat(carry, carried);
      carry = [];
      carried = 0;
      return block(rest);
    },
    original: (start, end) => {
      const from = sourceOffset(start);
      const to = sourceOffset(end);
      return Buffer.concat(blocks.map(({ start: at, bytes }) => bytes.subarray(Math.max(0, from - at), Math.max(0, to - at))));
    },
    forget: (before) => {
      const kept = firstEnd(before);
      // The entry before it stays: it is where the line begins.
      const drop = Math.max(0, kept - 1);
      if (drop < 64) return;
      sourceEnds = sourceEnds.slice(drop);
      utf8Ends = utf8Ends.slice(drop);
      blocks = blocks.filter(({ start, bytes }) => start + bytes.length > sourceEnds[0]!);
    },
  };

  function mayEndLine(bytes: Buffer): boolean {
    return bytes.includes(0x0a) || bytes.includes(0x0d);
  }

  function lastLineEnd(bytes: Buffer, from: number): number {
    let at = bytes.length - (bytes.length % unit);
    const stop = from - (from % unit);
    while (at > stop && !isLineEnd(bytes, at - unit)) at -= unit;
    return at > stop ? at : 0;
  }

  function isLineEnd(bytes: Buffer, at: number): boolean {
    const low = bytes[at + lowByte];
    return (low === 0x0a || low === 0x0d) && (unit === 1 || bytes[at + 1 - lowByte] === 0);
  }

  function block(bytes: Buffer): Buffer {
    if (bytes.length === 0) return NOTHING;
    blocks.push({ start: sourceAt, bytes });
    const pieces: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      let lineEnd = at;
      while (lineEnd < bytes.length && !isLineEnd(bytes, lineEnd)) lineEnd += unit;
      let next = Math.min(lineEnd, bytes.length);
      // One line at a time, so that a character cut short can't take a line end with it.
      const line = next > at ? decode(bytes.subarray(at, next)) : NOTHING;
      pieces.push(line);
      utf8At += line.length;
      const ends = next;
      while (next < bytes.length && isLineEnd(bytes, next)) next += unit;
      if (next > ends) {
        const marks = Buffer.allocUnsafe((next - ends) / unit);
        for (let i = 0; i < marks.length; i++) marks[i] = bytes[ends + i * unit + lowByte]!;
        pieces.push(marks);
        utf8At += marks.length;
      }
      sourceEnds.push(sourceAt + next);
      utf8Ends.push(utf8At);
      at = next;
    }
    sourceAt += bytes.length;
    return Buffer.concat(pieces);
  }

  /** Inside a run of line ends one UTF-8 byte is one unit of the input. */
  function sourceOffset(utf8: number): number {
    const index = firstEnd(utf8);
    return sourceEnds[index]! - (utf8Ends[index]! - utf8) * unit;
  }

  function firstEnd(utf8: number): number {
    let low = 0;
    let high = utf8Ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (utf8Ends[middle]! >= utf8) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function lineDecoder(encoding: string): (line: Buffer) => Buffer {
  if (encoding === 'windows-1252') return windows1252;
  if (encoding === 'utf-16le') return utf16le;
  if (encoding === 'utf-16be') return utf16be;
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  return (line) => {
    const text = decoder.decode(line);
    return text.includes('\ufffd') ? withInvalid(text.split('\ufffd')) : Buffer.from(text);
  };
}

function withInvalid(parts: readonly string[]): Buffer {
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [Buffer.from(part)] : [INVALID, Buffer.from(part)])));
}

/** By hand, since TextDecoder of Node 20 reads 0x80 to 0x9f as if this were Latin-1 (https://encoding.spec.whatwg.org/#windows-1252). */
function windows1252(line: Buffer): Buffer {
  const text = line.toString('latin1');
  return Buffer.from(text.replace(C1, (character) => WINDOWS_1252.charAt(character.charCodeAt(0) - 0x80)));
}

const C1 = /[\x80-\x9f]/g;
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function utf16be(line: Buffer): Buffer {
  const whole = line.length - (line.length % 2);
  const swapped = Buffer.from(line);
  swapped.subarray(0, whole).swap16();
  return utf16le(swapped);
}

/** Surrogates without their other half, and a last half unit, are invalid. */
function utf16le(line: Buffer): Buffer {
  const text = line.toString('utf16le');
  const bytes = text.isWellFormed() ? Buffer.from(text) : withInvalid(text.split(/\p{Surrogate}/u));
  return line.length % 2 === 0 ? bytes : Buffer.concat([bytes, INVALID]);
}
