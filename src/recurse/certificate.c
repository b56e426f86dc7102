#include "recurse/certificate.h"

#include <string.h>

#include "hash/blake3.h"
#include "hash/poseidon.h"

/* ---- file ---- */

typedef struct {
  const uint8_t *at;
  size_t left;
  bool failed;
} reader;

static const uint8_t *take(reader *r, uint64_t n, size_t size) {
  const uint8_t *at = r->at;
  if (n > r->left / size) r->failed = true;
  if (r->failed) return NULL;
  r->at += n * size;
  r->left -= n * size;
  return at;
}

static uint64_t number(reader *r, size_t bytes) {
  const uint8_t *b = take(r, 1, bytes);
  uint64_t x = 0;
  while (b && bytes-- > 0) x = x << 8 | b[bytes];
  return x;
}

static vft_status bad(const char *what) { return vft_reject("certificate/header", "%s", what); }

vft_status vft_certificate_parse(const uint8_t *bytes, size_t n, vft_certificate_parts *out) {
  reader r = {bytes, n, false};
  const uint8_t *magic = take(&r, 1, 8);
  if (!magic || memcmp(magic, "VFTCERT1", 8)) return bad("not a certificate");
  uint64_t version = number(&r, 4);
  if (r.failed) return bad("truncated");
  if (version != VFT_CERTIFICATE_VERSION)
    return vft_fail(VFT_USAGE, "version %llu, this program reads %d", (unsigned long long)version,
                    VFT_CERTIFICATE_VERSION);
  out->manifest = take(&r, 1, 32);
  out->steps = (uint32_t)number(&r, 4);
  out->ranges = (uint32_t)number(&r, 4);
  out->layers = take(&r, out->ranges, 4);
  out->groups = (uint32_t)number(&r, 4);
  out->shards = (uint32_t)number(&r, 4);
  out->pieces = (uint32_t)number(&r, 4);
  out->blocks = (uint32_t)number(&r, 4);
  out->epochs = number(&r, 8);
  if (r.failed) return bad("truncated");
  if (out->blocks > 1 << 24 || out->epochs > 1 << 24)
    return bad("more than 2^24 epochs, or blocks of an epoch");
  out->counters = take(&r, out->epochs * out->blocks, 32);
  out->windows = number(&r, 8);
  out->window = take(&r, out->windows, 32);
  const uint8_t *flag = take(&r, 1, 1);
  out->beacon = take(&r, 1, 32);
  out->epoch = number(&r, 8);
  out->span = number(&r, 8);
  out->start = take(&r, 1, 32);
  out->released = take(&r, 1, 32);
  uint64_t length = number(&r, 8);
  if (r.failed) return bad("truncated");
  if (*flag > 1) return bad("whether there is a beacon is neither 0 nor 1");
  for (int i = 0; i < 32 && !*flag; i++)
    if (out->beacon[i]) return bad("a beacon's value without a beacon");
  if (length != r.left) return bad("its proof is not as long as its header says");
  if (!*flag) out->beacon = NULL;
  out->proof = r.at;
  out->length = r.left;
  return VFT_OK;
}

void vft_certificate_header(const uint8_t *bytes, const vft_certificate_parts *parts,
                            uint8_t out[32]) {
  vft_digest d = vft_blake3_hash(bytes, (size_t)(parts->released - bytes));
  memcpy(out, d.b, sizeof d.b);
}

/* ---- statement ---- */

void vft_manifest_elements(const uint8_t manifest[32], vft_fp out[VFT_COMMON_STEPS]) {
  for (int i = 0; i < VFT_COMMON_STEPS; i++) {
    uint64_t x = 0;
    for (int k = 0; k < 7 && 7 * i + k < 32; k++) x |= (uint64_t)manifest[7 * i + k] << 8 * k;
    out[i] = vft_fp_from_u64(x);
  }
}

vft_status vft_certificate_elements(const vft_certificate_digests *known,
                                    const uint8_t released[32], vft_fp out[VFT_CERT_ELEMENTS]) {
  const struct {
    const uint8_t *digest;
    uint32_t at;
  } root[] = {{known->keys, VFT_CERT_KEYS},
              {known->base, VFT_CERT_COMMON + VFT_COMMON_BASE},
              {known->functions, VFT_CERT_COMMON + VFT_COMMON_FUNCTIONS},
              {known->inputs, VFT_CERT_COMMON + VFT_COMMON_TABLES + 4 * VFT_RUN_INPUTS},
              {known->blocks, VFT_CERT_COMMON + VFT_COMMON_TABLES + 4 * VFT_RUN_BLOCKS},
              {known->start, VFT_CERT_START},
              {released, VFT_CERT_RELEASED}};
  for (size_t i = 0; i < sizeof root / sizeof *root; i++) {
    vft_poseidon_digest d;
    if (!vft_poseidon_read(root[i].digest, &d))
      return vft_reject("transcript/canonical", "a root has an element that is not below p");
    memcpy(out + root[i].at, d.e, sizeof d.e);
  }
  vft_manifest_elements(known->manifest, out + VFT_CERT_COMMON);
  vft_manifest_elements(known->context, out + VFT_CERT_CONTEXT);
  out[VFT_CERT_COMMON + VFT_COMMON_STEPS] = vft_fp_from_u64(known->steps);
  const uint64_t number[] = {known->first, known->end, known->start_entry, known->end_entry,
                             known->releases};
  for (int i = 0; i < 5; i++) out[VFT_CERT_FIRST + i] = vft_fp_from_u64(number[i]);
  return VFT_OK;
}

void vft_outer_inputs(const vft_fp statement[VFT_CERT_ELEMENTS], vft_fp out[VFT_OUTER_INPUTS]) {
  vft_poseidon_digest d;
  vft_poseidon_hash_many(VFT_DOMAIN_CERTIFICATE, statement, VFT_CERT_ELEMENTS, 1, &d);
  memcpy(out, d.e, sizeof d.e);
}

/* ---- the outermost circuit ---- */

vft_machine_shape vft_outer_shape(void) {
  return (vft_machine_shape){.log_columns = 16,
                             .constants = 1024,
                             .inputs = VFT_OUTER_INPUTS,
                             .bases = 20092,
                             .frees = 29056,
                             .splits = 768,
                             .parts = 1408,
                             .fetches = 2176,
                             .permutations = 16896,
                             .narrow_sums = 36864,
                             .sums = 67584,
                             .zeros = 2432};
}

vft_proof_options vft_outer_options(void) {
  vft_proof_options o = vft_proof_options_default();
  o.log_inv_rate = 4;
  o.bits = 134; /* certificates of up to 16 parts of a run are above 128 together */
  o.grind = 26; /* a query is longer than its work */
  o.hiding = true;
  return o;
}
