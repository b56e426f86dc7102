/* BLAKE3 as relations: honest traces against the hash itself, and for each relation and each lookup
 * a trace that it alone refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "gadget/blake3_fill.h"
#include "gadget/poseidon.h"
#include "hash/blake3_core.h"
#include "prove/prove.h"

enum { N = 5, AT = 3, ELEMENTS = VFT_BLAKE3_PAIRS * N };

typedef struct {
  vft_builder b;
  vft_blake3_constants constants;
  vft_blake3_chip chip;
  vft_words words;
  vft_tensor_id cv, tail, x;
  vft_trace trace;
  vft_blake3_arrays to;
  vft_blake3_input in[N];
  uint32_t out[N][8];
  bool *failed, *covered;
} world;

static uint64_t seed;
static uint64_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static const vft_frac no_frac;

static void *alloc(world *w, vft_tensor_id id) {
  assert_int_equal(vft_trace_alloc(&w->trace, id), VFT_OK);
  return w->trace.array[id].data;
}

/* Elements of blocks from words, written with everything that follows from them but the hash. */
static void put_inputs(world *w) {
  int16_t *cv = w->trace.array[w->cv].data, *tail = w->trace.array[w->tail].data;
  int64_t *x = w->trace.array[w->x].data;
  for (int i = 0; i < N; i++) {
    const vft_blake3_input *in = &w->in[i];
    for (int k = 0; k < 32; k++) cv[k * N + i] = (int16_t)(in->cv[k / 4] >> 8 * (k % 4) & 255);
    for (int k = 0; k < 16; k++) tail[k * N + i] = (int16_t)(in->tail[k / 4] >> 8 * (k % 4) & 255);
    for (int k = 0; k < VFT_BLAKE3_PAIRS; k++) {
      vft_fp v = {in->block[2 * k] | (uint64_t)in->block[2 * k + 1] << 32};
      assert_true(v.v < VFT_P);
      x[k * N + i] = vft_field_signed(v);
      vft_words_fill(w->trace.array[w->words.limb].data, w->trace.array[w->words.inverse].data,
                     w->trace.array[w->words.word].data, ELEMENTS, (size_t)k * N + (size_t)i, v);
    }
  }
}

static void build(world *w, vft_origin origin) {
  memset(w, 0, sizeof *w);
  vft_builder *b = &w->b;
  b->p = vft_program_new("compressions", 8);
  b->arena = &b->p->arena;
  b->size['n'] = N;
  b->size['Y'] = 1u << (VFT_MAX_RANGE_BITS + 1);
  vft_table t = {.name = "range", .kind = VFT_TABLE_RANGE, .rows = 2u << VFT_MAX_RANGE_BITS,
                 .out = {VFT_NO_TENSOR, VFT_NO_TENSOR, VFT_NO_TENSOR},
                 .mult = vft_build_tensor(b, VFT_WITNESS, 0, "range/mult", "Y", 0, 1 << 30, NULL,
                                          no_frac)};
  assert_int_not_equal(vft_program_add_table(b->p, &t), UINT32_MAX);
  uint32_t link = origin == VFT_LINK ? vft_program_add_link(b->p, "wiring", false) : 0;
  vft_build_blake3_constants(b, &w->constants, VFT_TAG_FIRST_FUNCTION, origin, link);
  w->cv = vft_build_tensor(b, VFT_WITNESS, 0, "cv", "WLn", 0, 255, NULL, no_frac);
  w->tail = vft_build_tensor(b, VFT_WITNESS, 0, "tail", "GLn", 0, 255, NULL, no_frac);
  vft_build_range(b, "cv", "WLn", w->cv, 8, 0);
  vft_build_range(b, "tail", "GLn", w->tail, 8, 0);
  w->x = vft_build_field(b, VFT_WITNESS, 0, "x", "Wn", NULL);
  w->words = vft_build_words(b, &w->constants, "words", "Wn", w->x);
  w->chip = vft_build_blake3(b, &w->constants, "hash", "n", w->cv, w->tail, w->words.word);
  if (b->status != VFT_OK || vft_program_check_bounds(b->p) != VFT_OK)
    fail_msg("%s", vft_error_message());

  assert_int_equal(vft_trace_init(&w->trace, b->p), VFT_OK);
  const vft_tensor_id own[] = {w->cv,         w->tail,          w->x,
                               w->words.limb, w->words.inverse, w->words.word};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) alloc(w, own[i]);
  assert_int_equal(vft_blake3_arrays_alloc(&w->trace, &w->chip, &w->to), VFT_OK);
  for (int k = 0; origin == VFT_LINK && k < VFT_BLAKE3_COLUMNS; k++) {
    alloc(w, w->constants.column[k]);
    for (uint32_t i = 0; i < 1u << 16; i++)
      vft_array_set(&w->trace.array[w->constants.column[k]], i,
                    vft_blake3_entry((vft_blake3_column)k, i));
  }
  w->failed = calloc(vft_program_check_count(b->p), sizeof *w->failed);
  w->covered = calloc(vft_program_check_count(b->p), sizeof *w->covered);
  assert_true(w->failed && w->covered);
}

static void fill(world *w) {
  put_inputs(w);
  for (size_t i = 0; i < N; i++) vft_blake3_fill(&w->to, i, &w->in[i], w->out[i]);
  assert_int_equal(vft_trace_complete(&w->trace), VFT_OK);
  assert_int_equal(vft_trace_count_lookups(&w->trace), VFT_OK);
}

static void start(world *w, vft_origin origin) {
  build(w, origin);
  for (int i = 0; i < N; i++) {
    vft_blake3_input *in = &w->in[i];
    for (int k = 0; k < 8; k++) in->cv[k] = (uint32_t)next();
    for (int k = 0; k < 4; k++) in->tail[k] = (uint32_t)next();
    for (int k = 0; k < 16; k++) in->block[k] = (uint32_t)next() & (k % 2 ? 0x7fffffff : ~0u);
  }
  w->in[1].block[0] = w->in[2].block[2] = 0; /* 0, and the greatest element, p - 1 */
  w->in[1].block[1] = 0;
  w->in[2].block[3] = UINT32_MAX;
  fill(w);
}

static void finish(world *w) {
  free(w->failed);
  free(w->covered);
  vft_trace_free(&w->trace);
  vft_program_free(w->b.p);
}

static void accepted(world *w) {
  vft_status st = vft_program_check_trace(w->b.p, &w->trace, w->failed);
  if (st != VFT_OK) fail_msg("%s", vft_error_message());
}

/* ---- honest traces ---- */

static void compressions(void **state) {
  (void)state;
  for (int k = 0; k < 3; k++) {
    world w;
    start(&w, k ? VFT_PUBLIC : VFT_LINK);
    accepted(&w);
    for (int i = 0; i < N; i++) {
      uint8_t block[64];
      uint32_t full[16];
      for (int q = 0; q < 16; q++) vft_store32(block + 4 * q, w.in[i].block[q]);
      vft_blake3_compress(w.in[i].cv, block, w.in[i].tail[0] | (uint64_t)w.in[i].tail[1] << 32,
                          w.in[i].tail[2], w.in[i].tail[3], full);
      assert_memory_equal(full, w.out[i], sizeof w.out[i]);
      for (int q = 0; q < 32; q++)
        assert_int_equal(w.to.out[q * N + i], full[q / 4] >> 8 * (q % 4) & 255);
    }
    finish(&w);
  }
}

/* Digests of single blocks; that of nothing is the specification's first test vector. */
static void digests(void **state) {
  (void)state;
  static const uint8_t of_nothing[32] = {
      0xaf, 0x13, 0x49, 0xb9, 0xf5, 0xf9, 0xa1, 0xa6, 0xa0, 0x40, 0x4d, 0xea, 0x36, 0xdc, 0xc9,
      0x49, 0x9b, 0xcb, 0x25, 0xc9, 0xad, 0xc1, 0x12, 0xb7, 0xcc, 0x9a, 0x93, 0xca, 0xe4, 0x1f,
      0x32, 0x62};
  static const uint8_t length[N] = {0, 1, 31, 63, 64};
  world w;
  uint8_t message[N][64] = {{0}};
  build(&w, VFT_PUBLIC);
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < length[i]; k++) message[i][k] = (uint8_t)(next() & 127);
    memcpy(w.in[i].cv, vft_blake3_iv, 32);
    for (int k = 0; k < 16; k++) w.in[i].block[k] = vft_load32(message[i] + 4 * k);
    w.in[i].tail[2] = length[i];
    w.in[i].tail[3] = VFT_BLAKE3_CHUNK_START | VFT_BLAKE3_CHUNK_END | VFT_BLAKE3_ROOT;
  }
  fill(&w);
  accepted(&w);
  for (int i = 0; i < N; i++) {
    vft_digest d = vft_blake3_hash(message[i], length[i]);
    if (!i) assert_memory_equal(d.b, of_nothing, 32);
    for (int k = 0; k < 32; k++) assert_int_equal(w.to.out[k * N + i], d.b[k]);
  }
  finish(&w);
}

/* ---- attacks ---- */

/* One false step of compression number AT, from which everything goes on as it should. */
typedef enum {
  NOTHING,
  SUM,   /* another result of a sum */
  LIMBS, /* the same result in limbs that are not bytes: 256 more in one, one less in the next */
  BYTE,  /* a byte of d's XOR, or the high piece of one of b's */
  PIECE, /* the low piece of a byte of b's XOR */
  OUT
} fault_kind;
typedef struct {
  fault_kind kind;
  int r, e, j, g, byte;
  bool b; /* of c and b; else of a and d */
} fault;

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* sum: the result, as four limbs; *x: becomes the rows' XOR with it. False when the fault cannot be
 * made of these values. */
static bool half_step(const fault *f, bool at, bool b, uint32_t *sum, int32_t limb[4],
                      uint32_t *x) {
  uint32_t high = *x;
  if (at && f->b == b && f->kind == SUM) *sum += 1u << (8 * f->byte + 3);
  for (int l = 0; l < 4; l++) limb[l] = *sum >> 8 * l & 255;
  *x ^= *sum;
  if (!at || f->b != b || f->kind != LIMBS) return true;
  if (f->byte == 3 || !limb[f->byte + 1] || (high >> 8 * f->byte & 255) == 255) return false;
  limb[f->byte] += 256;
  limb[f->byte + 1]--;
  /* row 256 high + 256 + low is that of high + 1; the next byte's, that of its limb */
  high += 1u << 8 * f->byte;
  *x = 0;
  for (int l = 0; l < 4; l++) *x |= ((high >> 8 * l ^ (uint32_t)limb[l]) & 255) << 8 * l;
  return true;
}

static bool forge(world *w, const fault *f) {
  const vft_blake3_input *in = &w->in[AT];
  vft_blake3_arrays *to = &w->to;
  uint32_t v[16];
  memcpy(v, in->cv, 32);
  memcpy(v + 8, vft_blake3_iv, 16);
  memcpy(v + 12, in->tail, 16);
  for (int r = 0; r < 7; r++)
    for (int e = 0; e < 2; e++)
      for (int g = 0; g < 4; g++)
        for (int j = 0; j < 2; j++) {
          uint32_t *a = v + g, *b = v + 4 + (g + e) % 4, *c = v + 8 + (g + 2 * e) % 4;
          uint32_t *d = v + 12 + (g + 3 * e) % 4;
          int step = ((r * 2 + e) * 4 + g) * 4, half = (((r * 2 + e) * 2 + j) * 4 + g) * 4;
          bool at = f->r == r && f->e == e && f->j == j && f->g == g;
          int32_t limb[4];
          *a += *b + in->block[vft_blake3_schedule[r][8 * e + 2 * g + j]];
          if (!half_step(f, at, false, a, limb, d)) return false;
          if (at && !f->b && f->kind == BYTE) *d ^= 4u << 8 * f->byte;
          for (int l = 0; l < 4; l++) {
            to->a[(half + l) * N + AT] = (int16_t)limb[l];
            if (j)
              to->d8[(step + (l + 3) % 4) * N + AT] = (int16_t)(*d >> 8 * l & 255);
            else
              to->d16[(step + l) * N + AT] = (int16_t)(*d >> 8 * l & 255);
          }
          *d = ror(*d, j ? 8 : 16);
          *c += *d;
          if (!half_step(f, at, true, c, limb, b)) return false;
          if (at && f->b && f->kind == BYTE) *b ^= 128u << 8 * f->byte;
          if (at && f->b && f->kind == PIECE) *b ^= 4u << 8 * f->byte;
          for (int l = 0; l < 4; l++) {
            uint32_t x = *b >> 8 * l & 255;
            to->c[(half + l) * N + AT] = (int16_t)limb[l];
            if (j) {
              to->b7[0][(step + l) * N + AT] = (int16_t)(x >> 7);
              to->b7[1][(step + (l + 3) % 4) * N + AT] = (int16_t)(x & 127);
            } else {
              to->b12[0][(step + l) * N + AT] = (int16_t)(x >> 4);
              to->b12[1][(step + l) * N + AT] = (int16_t)(x & 15);
            }
          }
          *b = ror(*b, j ? 7 : 12);
        }
  for (int k = 0; k < 8; k++) {
    uint32_t x = v[k] ^ v[k + 8];
    if (f->kind == OUT && f->g == k) x ^= 1u << 8 * f->byte;
    for (int l = 0; l < 4; l++) to->out[(4 * k + l) * N + AT] = (int16_t)(x >> 8 * l & 255);
  }
  return true;
}

/* Virtual tensors anew. */
static void follow(world *w) {
  const vft_program *p = w->b.p;
  for (uint32_t t = 0; t < p->ntensors; t++) {
    if (p->tensors[t].origin != VFT_VIRTUAL) continue;
    if (w->trace.owned[t]) vft_free(w->trace.array[t].data);
    w->trace.array[t].data = NULL;
    w->trace.owned[t] = false;
  }
  assert_int_equal(vft_trace_complete(&w->trace), VFT_OK);
}

/* Refused by one relation or lookup, whose name begins so, and by no other; multiplicities are not
 * looked at, they could be made to fit what is left. */
static void refused(world *w, const char *by) {
  const vft_program *p = w->b.p;
  char id[200];
  uint32_t seen = 0;
  assert_int_equal(vft_program_check_trace(p, &w->trace, w->failed), VFT_REJECTED);
  for (uint32_t i = 0; i < p->nrelations + p->nlookups; i++) {
    if (!w->failed[i]) continue;
    vft_program_check_id(p, i, id, sizeof id);
    if (seen++ || strncmp(id, by, strlen(by))) fail_msg("refused by %s, should be by %s", id, by);
    w->covered[i] = true;
  }
  if (!seen) fail_msg("%s does not refuse", by);
}

static const char *variant(const fault *f) {
  return f->j ? "second" : f->e ? "diagonal" : f->r ? "column" : "first";
}

static void attack(world *w, const fault *f) {
  char by[100];
  /* The last sums are operands of the output too, which refuses such limbs as well. */
  if (f->kind == LIMBS && f->r == 6 && f->e == 1 && f->j == 1) return;
  if (!forge(w, f)) return;
  if (f->kind == OUT)
    snprintf(by, sizeof by, "lookup/hash/out_%s_", f->g < 4 ? "low" : "high");
  else if (f->kind == SUM)
    snprintf(by, sizeof by, "relation/hash/%c_%s/carry", f->b ? 'c' : 'a', variant(f));
  else
    snprintf(by, sizeof by, "lookup/hash/%c_%s_", f->b ? 'b' : 'd', variant(f));
  follow(w);
  refused(w, by);
}

static void attack_steps(world *w) {
  static const int rounds[] = {0, 3, 6};
  fault f = {NOTHING, 0, 0, 0, 0, 0, false};
  assert_true(forge(w, &f));
  follow(w);
  accepted(w); /* without a fault it is the gadget's own trace */
  for (size_t r = 0; r < sizeof rounds / sizeof *rounds; r++)
    for (int at = 0; at < 16; at++)
      for (int k = SUM; k <= PIECE; k++)
        for (int byte = 0; byte < 4; byte++)
          for (int b = k == PIECE; b < 2; b++) {
            if ((k == SUM && byte != at % 4) || (r == 1 && byte != at / 4)) continue;
            f = (fault){(fault_kind)k, rounds[r], at / 8, at / 4 % 2, at % 4, byte, b};
            attack(w, &f);
          }
  for (int k = 0; k < 32; k++) {
    f = (fault){OUT, -1, 0, 0, k / 4, k % 4, false};
    attack(w, &f);
  }
  f.kind = NOTHING;
  assert_true(forge(w, &f));
  follow(w);
  accepted(w);
}

/* Values of virtual tensors that are not what defines them: a carry that is another root. */
static void attack_definitions(world *w) {
  char by[100];
  for (int s = 0; s < 2; s++)
    for (int v = 0; v < VFT_BLAKE3_VARIANTS; v++) {
      static const char *const name[] = {"first", "column", "diagonal", "second"};
      vft_tensor_id id = w->chip.carry[s][v];
      int64_t *k = w->trace.array[id].data, was = k[AT];
      k[AT] = was ? 0 : 1;
      snprintf(by, sizeof by, "relation/hash/%c_%s/definition", s ? 'c' : 'a', name[v]);
      refused(w, by);
      k[AT] = was;
    }
  uint16_t *limb = w->trace.array[w->words.limb].data;
  limb[AT] ^= 1;
  refused(w, "relation/words/word/definition");
  limb[AT] ^= 1;
}

static void attack_words(world *w) {
  const size_t at = 2 * N + AT; /* words 4 and 5 of compression AT */
  int64_t *x = w->trace.array[w->x].data, *inverse = w->trace.array[w->words.inverse].data;
  fault none = {NOTHING, 0, 0, 0, 0, 0, false};
  x[at] ^= 1;
  refused(w, "relation/words/sum");
  x[at] ^= 1;
  inverse[at] ^= 1;
  refused(w, "relation/words/canonical");
  inverse[at] ^= 1;
  /* 65536 more in one limb and one less in the next: room for which a wider array has */
  int64_t wide[4 * ELEMENTS];
  uint16_t *limb = w->trace.array[w->words.limb].data;
  for (size_t i = 0; i < 4 * ELEMENTS; i++) wide[i] = limb[i];
  for (int h = 0; h < 2; h++) {
    int64_t *low = &wide[(2 * h) * ELEMENTS + at], *high = &wide[(2 * h + 1) * ELEMENTS + at];
    assert_true(*high > 0);
    *low += 65536;
    --*high;
    vft_array narrow = w->trace.array[w->words.limb];
    bool owned = w->trace.owned[w->words.limb];
    w->trace.owned[w->words.limb] = false;
    vft_trace_supply(&w->trace, w->words.limb, VFT_I64, wide);
    refused(w, "lookup/words/limb");
    w->trace.array[w->words.limb] = narrow;
    w->trace.owned[w->words.limb] = owned;
    *low -= 65536;
    ++*high;
  }
  /* A small element as itself plus p: low word one more than the element, high word all ones; and
   * hashed so. No inverse helps. */
  static const uint32_t small[] = {0, 5, 0xfffffffe};
  for (size_t k = 0; k < sizeof small / sizeof *small; k++) {
    vft_blake3_input was = w->in[AT];
    w->in[AT].block[4] = small[k];
    w->in[AT].block[5] = 0;
    put_inputs(w);
    w->in[AT].block[4] = small[k] + 1;
    w->in[AT].block[5] = UINT32_MAX;
    for (int h = 0; h < 2; h++)
      for (int half = 0; half < 2; half++)
        limb[(2 * h + half) * ELEMENTS + at] = (uint16_t)(w->in[AT].block[4 + h] >> 16 * half);
    assert_true(forge(w, &none));
    follow(w);
    inverse = w->trace.array[w->words.inverse].data;
    for (int64_t i = -2; i <= 2; i++) {
      inverse[at] = i < 2 ? i : (int64_t)(next() >> 2);
      refused(w, "relation/words/canonical");
    }
    w->in[AT] = was;
    put_inputs(w);
  }
  assert_true(forge(w, &none));
  follow(w);
  accepted(w);
}

static void attacks(void **state) {
  (void)state;
  world w;
  char id[200];
  start(&w, VFT_PUBLIC);
  attack_steps(&w);
  attack_definitions(&w);
  attack_words(&w);
  const vft_program *p = w.b.p;
  for (uint32_t i = 0; i < p->nrelations + p->nlookups; i++) {
    vft_program_check_id(p, i, id, sizeof id);
    if (!w.covered[i] && strcmp(id, "lookup/cv") && strcmp(id, "lookup/tail"))
      fail_msg("no attack that %s refuses", id);
  }
  finish(&w);
}

/* ---- proofs ---- */

static vft_status prove(const world *w, vft_proof *proof) {
  vft_proof_options options = vft_proof_options_recursive();
  vft_prove_options how = {.unchecked = true};
  options.test_queries = 2;
  options.grind = 0;
  assert_int_equal(vft_prove(w->b.p, &w->trace, NULL, NULL, &options, &how, proof, NULL, NULL),
                   VFT_OK);
  vft_statement s = {w->b.p, NULL, NULL, NULL};
  return vft_verify_proof(&s, &options, (vft_verify_flags){.allow_test_profile = true},
                          proof->bytes, proof->len, NULL, NULL);
}

static void proofs(void **state) {
  (void)state;
  world w;
  vft_proof proof;
  start(&w, VFT_PUBLIC);
  assert_int_equal(prove(&w, &proof), VFT_OK);
  vft_proof_free(&proof);
  static const fault false_steps[] = {{SUM, 3, 1, 0, 2, 1, false}, {BYTE, 6, 0, 1, 1, 2, true},
                                      {OUT, -1, 0, 0, 6, 3, false}};
  for (size_t i = 0; i < sizeof false_steps / sizeof *false_steps; i++) {
    assert_true(forge(&w, &false_steps[i]));
    follow(&w);
    assert_int_equal(prove(&w, &proof), VFT_REJECTED);
    vft_proof_free(&proof);
  }
  finish(&w);
}

int main(void) {
  const char *given = getenv("VFT_SEED");
  seed = given ? strtoull(given, NULL, 0) : 0x9e3779b97f4a7c15u;
  printf("seed %#llx\n", (unsigned long long)seed);
  const struct CMUnitTest tests[] = {cmocka_unit_test(compressions), cmocka_unit_test(digests),
                                     cmocka_unit_test(attacks), cmocka_unit_test(proofs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
