// Verification of circuit proofs by the WebAssembly build of libvft_verify.
//
//   import { verify } from "./verify.mjs";
//   await verify({ shape, key, inputs, proof })
//     shape   object with the numbers of vft_circuit_shape (include/vft/verify.h), or a list of them
//     key     32 bytes            inputs  three BigInts (or decimal strings) an element
//     proof   bytes               key and proof: Uint8Array, or a string of hexadecimal digits
//   gives { accepted, verdict, check, error, bits }.
//
//   node verify.mjs PROOF.json
//     an object as above; prints the verdict, and exits with it (0 accepted, 1 rejected, 2 no file,
//     3 out of memory). VFT_WASM: the module, if not build/vft_verify.wasm.
import { readFile } from "node:fs/promises";
import { pathToFileURL, fileURLToPath } from "node:url";

const FIELDS = ["log_cells", "log_columns", "constants", "inputs", "bases", "frees", "splits",
  "parts", "permutations", "sums", "zeros"];
const OUT_OF_MEMORY = { accepted: false, verdict: 3, check: "", error: "out of memory", bits: 0 };

function malformed(check, error) {
  return { accepted: false, verdict: 1, check, error, bits: 0 };
}

function bytes(x) {
  if (x instanceof Uint8Array) return x;
  if (typeof x !== "string" || !/^([0-9a-f]{2})*$/i.test(x)) return null;
  return Uint8Array.from(Buffer.from(x, "hex"));
}

function numbers(shape) {
  const list = Array.isArray(shape) ? shape : FIELDS.map((name) => shape?.[name]);
  const good = list.length === FIELDS.length &&
    list.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32);
  return good ? Uint32Array.from(list) : null;
}

function words(inputs) {
  if (!Array.isArray(inputs) || inputs.length % 3) return null;
  const out = new BigUint64Array(inputs.length);
  for (const [i, x] of inputs.entries()) {
    if (typeof x !== "bigint" && !(typeof x === "string" && /^[0-9]{1,20}$/.test(x))) return null;
    const value = BigInt(x);
    if (value < 0n || value >= 1n << 64n) return null;
    out[i] = value;
  }
  return out;
}

let compiled;
async function module() {
  const file = process.env.VFT_WASM ??
    fileURLToPath(new URL("../../build/vft_verify.wasm", import.meta.url));
  compiled ??= WebAssembly.compile(await readFile(file));
  return compiled;
}

function text(memory, at) {
  const all = new Uint8Array(memory.buffer);
  return new TextDecoder().decode(all.subarray(at, all.indexOf(0, at)));
}

export async function verify({ shape, key, inputs, proof }) {
  const given = [numbers(shape), bytes(key), words(inputs), bytes(proof)];
  const checks = ["circuit/shape", "circuit/key", "circuit/inputs", "transcript/truncated"];
  for (const [i, x] of given.entries())
    if (x === null) return malformed(checks[i], `${checks[i]}: not of the form that is read`);
  if (given[1].length !== 32) return malformed("circuit/key", "the key is not 32 bytes");
  // An instance for each proof: all of its memory goes with it.
  const { exports: e } = await WebAssembly.instantiate(await module(), {});
  e._initialize();
  const at = [];
  for (const x of given) {
    const p = e.alloc(x.byteLength);
    if (!p) return OUT_OF_MEMORY;
    new Uint8Array(e.memory.buffer, p, x.byteLength)
      .set(new Uint8Array(x.buffer, x.byteOffset, x.byteLength));
    at.push(p);
  }
  const verdict = e.verify(at[0], at[1], at[2], given[2].length / 3, at[3], given[3].length);
  return { accepted: verdict === 0, verdict, check: text(e.memory, e.check()),
    error: text(e.memory, e.error()), bits: e.soundness_bits() };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  let statement;
  try {
    statement = JSON.parse(await readFile(process.argv[2] ?? "", "utf8"));
  } catch (problem) {
    console.error(`usage: node verify.mjs PROOF.json (${problem.message})`);
    process.exit(2);
  }
  const result = await verify(statement ?? {});
  console.log(result.accepted ? `accepted, ${result.bits} bits`
    : `not accepted: ${result.check}: ${result.error}`);
  process.exitCode = result.verdict;
}
