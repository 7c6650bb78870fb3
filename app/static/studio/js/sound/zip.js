/** A reader of ZIP files: entries stored or deflated, by the central directory. No ZIP64: stems stay far below 4 GB. */

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;

/** Names and contents of an archive's files: a Map from name to a function that answers with the bytes. */
export function readZip(bytes) {
  const view = new DataView(bytes);
  let end = bytes.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end -= 1;
  if (end < 0) throw new Error("not a ZIP file");
  const entries = new Map();
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error("a damaged ZIP file");
    const method = view.getUint16(at + 10, true);
    const size = view.getUint32(at + 20, true);
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const local = view.getUint32(at + 42, true);
    entries.set(new TextDecoder().decode(new Uint8Array(bytes, at + 46, name)), () => content(bytes, view, local, size, method));
    at += 46 + name + extra + comment;
  }
  return entries;
}

async function content(bytes, view, local, size, method) {
  if (view.getUint32(local, true) !== LOCAL) throw new Error("a damaged ZIP file");
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const packed = bytes.slice(start, start + size);
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw new Error(`a ZIP file packed by method ${method}`);
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
}
