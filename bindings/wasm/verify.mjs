// Verification by the WebAssembly build of libvft_verify.
//
//   import { verifyCertificate } from "./verify.mjs";
//   await verifyCertificate(certificate, digests, { epochs: false })
//     certificate  bytes
//     digests      object with the fields of vft_certificate_digests (include/vft/verify.h), digests
//                  as strings of hexadecimal digits: what `vft verify --digests FILE` writes
//     epochs       whether it may be of some epochs only: first, end, releases of the digests say of which
//   gives { accepted, verdict, check, error, bits, released }: released is the root of the released
//   adapter, or where some epochs release none a commitment to the state after them, in hexadecimal digits.
//
//   node verify.mjs CERTIFICATE.vft DIGESTS.json [--epochs]
//     prints the verdict, and exits with it (0 accepted, 1 rejected, 2 no file, 3 out of memory).
//     VFT_WASM: the module, if not build/vft_verify.wasm.
import { readFile } from "node:fs/promises";
import { pathToFileURL, fileURLToPath } from "node:url";

// In the order of vft_certificate_digests: bytes, or numbers of 8 bytes.
const NUMBERS = ["steps", "first", "end", "start_entry", "end_entry", "releases"];
const DIGESTS = ["keys", "manifest", ...NUMBERS, "base", "functions", "inputs", "blocks", "start",
  "context", "header"];
const OUT_OF_MEMORY = { accepted: false, verdict: 3, check: "", error: "out of memory", bits: 0 };

function malformed(check, error) {
  return { accepted: false, verdict: 1, check, error, bits: 0 };
}

function bytes(x) {
  if (x instanceof Uint8Array) return x;
  if (typeof x !== "string" || !/^([0-9a-f]{2})*$/i.test(x)) return null;
  return Uint8Array.from(Buffer.from(x, "hex"));
}

function digestBytes(d) {
  const parts = [];
  for (const name of DIGESTS) {
    const x = d?.[name];
    const isNumber = Number.isSafeInteger(x) && x >= 0;
    parts.push(isNumber ? new Uint8Array(BigUint64Array.of(BigInt(x)).buffer) : bytes(x));
    if (parts.at(-1)?.length !== (NUMBERS.includes(name) ? 8 : 32)) return null;
  }
  return Uint8Array.from(parts.flatMap((x) => [...x]));
}

let compiled;
// An instance for each proof: all of its memory goes with it.
async function instance() {
  const file = process.env.VFT_WASM ??
    fileURLToPath(new URL("../../build/vft_verify.wasm", import.meta.url));
  compiled ??= WebAssembly.compile(await readFile(file));
  const { exports } = await WebAssembly.instantiate(await compiled, {});
  exports._initialize();
  return exports;
}

function text(memory, at) {
  const all = new Uint8Array(memory.buffer);
  return new TextDecoder().decode(all.subarray(at, all.indexOf(0, at)));
}

// Where the arrays are in the module's memory; null when that ran out.
function place(e, arrays) {
  const at = [];
  for (const x of arrays) {
    const p = e.alloc(x.byteLength);
    if (!p) return null;
    new Uint8Array(e.memory.buffer, p, x.byteLength)
      .set(new Uint8Array(x.buffer, x.byteOffset, x.byteLength));
    at.push(p);
  }
  return at;
}

function result(e, verdict) {
  return { accepted: verdict === 0, verdict, check: text(e.memory, e.check()),
    error: text(e.memory, e.error()), bits: e.soundness_bits() };
}

export async function verifyCertificate(certificate, digests, { epochs = false } = {}) {
  const known = digestBytes(digests);
  if (!known) return malformed("certificate/digests", "not the digests of a certificate");
  if (!(certificate instanceof Uint8Array))
    return malformed("certificate/header", "a certificate is given as its bytes");
  const e = await instance();
  if (known.length !== e.digests_size()) throw new Error("this module has other digests");
  const at = place(e, [certificate, known]);
  if (!at) return OUT_OF_MEMORY;
  const verdict = e.verify_certificate(at[0], certificate.length, at[1], epochs ? 1 : 0);
  const answer = result(e, verdict);
  if (answer.accepted)
    answer.released = Buffer.from(e.memory.buffer, e.released(), 32).toString("hex");
  return answer;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  let certificate, digests;
  try {
    certificate = new Uint8Array(await readFile(process.argv[2] ?? ""));
    digests = JSON.parse(await readFile(process.argv[3] ?? "", "utf8"));
  } catch (problem) {
    console.error(`usage: node verify.mjs CERTIFICATE.vft DIGESTS.json [--epochs] (${problem.message})`);
    process.exit(2);
  }
  const answer = await verifyCertificate(certificate, digests, { epochs: process.argv[4] === "--epochs" });
  console.log(answer.accepted ? `accepted, ${answer.bits} bits, released ${answer.released}`
    : `not accepted: ${answer.check}: ${answer.error}`);
  process.exitCode = answer.verdict;
}
