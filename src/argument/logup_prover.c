/* Layers, memory and round sums of the LogUp-GKR prover.
 *
 * Tables. "Table l" holds layer n - l of the tree as four columns over x < 2^(n-1-l): p0, p1, q0,
 * q1 of the nodes 2x and 2x + 1. Its real length is ceil(ceil(real / 2^l) / 2); beyond that
 * every entry is p = 0, q = 1, since 0/1 + 0/1 = 0/1 and folding keeps constants. A table is cut
 * into tiles of TILE entries; columns are padded to whole groups of GROUP blocks with the tail's
 * constants, so that a row pair never ends inside one.
 *
 * Table 0 (the leaves) and, if asked, some tables above it are not stored: a tile of theirs is
 * computed again from the leaves whenever it is read (load_tile).
 *
 * A sumcheck on table l reads it twice: once for the first round's sums, once to bind the first
 * variable into a working table of half the length, computing the next round's sums while the
 * outputs are in cache. All later rounds go from one working table to the next. Working tables
 * hold P = p0 + lambda q0 in the place of p0: the summed polynomial is then P q1 + p1 q0, and the
 * tail's constant is P = lambda.
 *
 * Numerators that are all one. Where p0 = p1 = 1 on a whole tile, with mu = 1 / lambda
 *   p0 q1 + p1 q0 + lambda q0 q1 = lambda (q0 + mu)(q1 + mu) - mu,
 * and binding keeps p0 = p1 = 1; such tiles have no numerator columns. A tile with its pair of
 * sources both of this kind is of this kind again, as long as the table has whole tiles.
 *
 * Weights. In round j the sums run over pairs i < 2^m, m = k - 1 - j, with weight eq(z', i), z' =
 * z_{j+1} .. z_{k-1}: the product of an inner table over the low INNER bits (one tile) and one
 * outer weight per tile. The pairs beyond the last tile contribute in closed form: T(0) gains
 * lambda (1 - sum of the weights met), the leading coefficient nothing.
 *
 * Memory. Stored tables lie in one arena, largest first. The sumchecks run from the smallest
 * table to the largest, so when table l is read the arena behind it is free, and holds the two
 * alternating working tables: halves and quarters of table l, as large as tables l + 1, l + 2. */
#include "argument/logup_prover.h"

#include <string.h>

#include "argument/logup_kernels.h"
#include "argument/poly_util.h"
#include "base/mem.h"
#include "base/pool.h"
#include "field/batch.h"

typedef vft_logup_block block;

enum {
  P0 = VFT_LOGUP_P0,
  P1 = VFT_LOGUP_P1,
  Q0 = VFT_LOGUP_Q0,
  Q1 = VFT_LOGUP_Q1,
  COLUMNS = VFT_LOGUP_COLUMNS
};
enum {
  TILE = VFT_LOGUP_TILE / 2, /* entries of a tile */
  TILE_BLOCKS = TILE / 8,
  GROUP = 4,      /* blocks */
  STEP = 32,      /* blocks bound before their sums are taken: 4 x 6 KiB, in first-level cache */
  INNER = 9,      /* log2 of the pairs of a tile */
  INNER_BLOCKS = 1 << (INNER - 3),
  STAGGER = 5 * 64 /* bytes between columns, so that their blocks do not share cache sets */
};
_Static_assert(TILE == 2 << INNER, "a tile is two times the inner weights");
_Static_assert(TILE_BLOCKS % STEP == 0 && STEP % GROUP == 0, "steps are whole groups");

#define NONE UINT32_MAX

typedef struct {
  block *column[COLUMNS];
  size_t tiles, blocks;
  unsigned vars;  /* 2^vars entries with the tail */
  uint32_t *slot; /* numerators' place, in tiles, per tile; NONE: all ones. NULL: slot[t] = t */
} table;

/* A tile for reading. p columns are NULL when all numerators are one. */
typedef struct {
  const block *column[COLUMNS];
  size_t blocks;
} tile_view;

/* Where a tile that is not stored is computed. */
typedef struct {
  block column[COLUMNS][TILE_BLOCKS];
} tile_buffer;

struct vft_logup_prover {
  const vft_logup_ops *ops;
  unsigned n;
  size_t real;
  vft_logup_leaves leaves;
  unsigned stored; /* tables stored .. n - 1 are in the arena */
  table tables[VFT_LOGUP_MAX_VARS];
  uint8_t *arena, *owned; /* owned: what was allocated of it, NULL for the caller's workspace */
  size_t arena_size, behind[VFT_LOGUP_MAX_VARS]; /* end of table l in the arena */
  uint8_t *leaf_ones;                            /* per tile of table 0 */

  /* the running layer */
  unsigned source; /* table read */
  unsigned k, round;
  const vft_ext *z;
  vft_ext lambda, mu;
  table work[2];
  uint32_t *slots[2];
  uint8_t *work_at[2];
  const table *bound; /* the working table of the rounds so far; NULL before the first */
  vft_ext *outer;      /* weights of tiles */
  vft_ext (*part)[2];  /* sums of tiles */
  vft_logup_weight inner[INNER_BLOCKS];
  block ones[STEP];
  vft_ext at_zero, leading;
};

/* ---- shapes --------------------------------------------------------------------------------- */

static size_t round_up(size_t x, size_t to) { return (x + to - 1) / to * to; }

static size_t blocks_of(size_t entries) { return round_up((entries + 7) / 8, GROUP); }

static size_t tiles_of(size_t blocks) { return (blocks + TILE_BLOCKS - 1) / TILE_BLOCKS; }

/* Real entries of table l. */
static size_t entries_of(size_t real, unsigned l) {
  size_t nodes = real;
  for (unsigned i = 0; i < l; i++) nodes = (nodes + 1) / 2;
  return (nodes + 1) / 2;
}

static size_t column_bytes(size_t blocks) { return round_up(blocks * sizeof(block), 64) + STAGGER; }

/* Blocks of a numerator column if `general` tiles of an earlier table were not all ones. There
 * is room for one more: binding may make the last tile general (it loses its partner, or becomes
 * smaller than a tile), and of the other tiles it makes no more general than there were. */
static size_t numerator_blocks(size_t blocks, size_t general) {
  return general + 1 >= tiles_of(blocks) || general == SIZE_MAX ? blocks
                                                                 : (general + 1) * TILE_BLOCKS;
}

static size_t table_bytes(size_t blocks, size_t general) {
  return 2 * column_bytes(blocks) + 2 * column_bytes(numerator_blocks(blocks, general));
}

static size_t stored_bytes(unsigned n, size_t real, unsigned stored) {
  size_t bytes = 0;
  for (unsigned l = stored; l < n; l++) {
    bytes += table_bytes(blocks_of(entries_of(real, l)), SIZE_MAX);
  }
  return bytes;
}

/* Bytes of the working tables for table l: the first has half of its blocks (in whole groups). */
static void working_bytes(size_t blocks, size_t general, size_t bytes[2]) {
  for (int i = 0; i < 2; i++) {
    blocks = round_up(blocks / 2, GROUP);
    bytes[i] = table_bytes(blocks, general);
  }
}

static unsigned first_stored(unsigned n, unsigned recompute) {
  unsigned l = 1 + (recompute > VFT_LOGUP_MAX_RECOMPUTE ? VFT_LOGUP_MAX_RECOMPUTE : recompute);
  return l < n ? l : n;
}

/* The arena must hold the stored tables and, for every table, the working tables behind it. */
static size_t arena_bytes(unsigned n, size_t real, unsigned stored, size_t general) {
  size_t most = stored_bytes(n, real, stored), behind = 0;
  for (unsigned l = stored; l < n; l++) {
    size_t blocks = blocks_of(entries_of(real, l)), w[2];
    working_bytes(blocks, SIZE_MAX, w);
    behind += table_bytes(blocks, SIZE_MAX);
    if (behind + w[0] + w[1] > most) most = behind + w[0] + w[1];
  }
  for (unsigned l = 0; l < stored && l < n; l++) {
    size_t w[2];
    working_bytes(blocks_of(entries_of(real, l)), l ? SIZE_MAX : general, w);
    if (w[0] + w[1] > most) most = w[0] + w[1];
  }
  return most;
}

size_t vft_logup_plan(unsigned n, size_t real, unsigned recompute, size_t general) {
  if (!n) return 0;
  size_t tiles = tiles_of(blocks_of(entries_of(real, 0)));
  return sizeof(vft_logup_prover) + arena_bytes(n, real, first_stored(n, recompute), general) +
         tiles * (3 * sizeof(vft_ext) + 2 * sizeof(uint32_t) + 1);
}

/* Lays the columns of a table with exactly `general` tiles with numerators out from `at`; returns
 * their end. */
static uint8_t *place(table *t, uint8_t *at, size_t blocks, unsigned vars, size_t general) {
  size_t p = general >= tiles_of(blocks) ? blocks : general * TILE_BLOCKS;
  t->blocks = blocks;
  t->tiles = tiles_of(blocks);
  t->vars = vars;
  static const int order[COLUMNS] = {Q0, Q1, P0, P1};
  for (int i = 0; i < COLUMNS; i++) {
    t->column[order[i]] = (block *)(void *)at;
    at += column_bytes(i < 2 ? blocks : p);
  }
  return at;
}

/* ---- reading tiles -------------------------------------------------------------------------- */

static size_t tile_blocks(size_t blocks, size_t t) {
  size_t left = blocks - t * TILE_BLOCKS;
  return left < TILE_BLOCKS ? left : TILE_BLOCKS;
}

static void fill_blocks(block *b, size_t from, size_t to, vft_ext v) {
  for (size_t i = from; i < to; i++) {
    for (int k = 0; k < 3; k++) {
      for (int lane = 0; lane < 8; lane++) b[i].c[k][lane] = v.c[k].v;
    }
  }
}

/* The tail's constants in blocks [from, to) of all columns, p0 being the numerator's. */
static void fill_tail(block *const column[COLUMNS], size_t from, size_t to, vft_ext p0) {
  fill_blocks(column[P0], from, to, p0);
  fill_blocks(column[P1], from, to, VFT_EXT_ZERO);
  fill_blocks(column[Q0], from, to, VFT_EXT_ONE);
  fill_blocks(column[Q1], from, to, VFT_EXT_ONE);
}

static tile_view leaf_tile(const vft_logup_prover *pv, size_t t, tile_buffer *buf) {
  vft_fp num[VFT_LOGUP_TILE];
  vft_ext den[VFT_LOGUP_TILE];
  size_t start = t * VFT_LOGUP_TILE, count = pv->real - start;
  if (count > VFT_LOGUP_TILE) count = VFT_LOGUP_TILE;
  bool ones = pv->leaves.fill(pv->leaves.ctx, start, count, num, den);
  size_t blocks = blocks_of((count + 1) / 2);
  for (size_t i = count; i < 16 * blocks; i++) den[i] = VFT_EXT_ONE;
  pv->ops->split(den, buf->column[Q0], buf->column[Q1], blocks);
  tile_view v = {{NULL, NULL, buf->column[Q0], buf->column[Q1]}, blocks};
  if (ones && count == VFT_LOGUP_TILE) return v;
  for (size_t i = 0; ones && i < count; i++) num[i] = (vft_fp){1};
  for (size_t i = count; i < 16 * blocks; i++) num[i] = (vft_fp){0};
  memset(buf->column[P0], 0, 2 * sizeof buf->column[P0]);
  for (size_t i = 0; i < 16 * blocks; i++) {
    buf->column[i & 1 ? P1 : P0][i >> 4].c[0][i >> 1 & 7] = num[i].v;
  }
  v.column[P0] = buf->column[P0];
  v.column[P1] = buf->column[P1];
  return v;
}

static tile_view stored_tile(const table *tb, size_t t) {
  size_t at = t * TILE_BLOCKS, p = at;
  tile_view v = {{NULL, NULL, tb->column[Q0] + at, tb->column[Q1] + at},
                 tile_blocks(tb->blocks, t)};
  if (tb->slot) {
    if (tb->slot[t] == NONE) return v;
    p = tb->slot[t] * (size_t)TILE_BLOCKS;
  }
  v.column[P0] = tb->column[P0] + p;
  v.column[P1] = tb->column[P1] + p;
  return v;
}

static tile_view load_tile(const vft_logup_prover *pv, unsigned l, size_t t, tile_buffer *buf);

/* Tile t of table l + 1 from tiles 2t and 2t + 1 of table l, with its tail; buf[0..l] are free.
 * Returns the tile's blocks. */
static size_t add_tile(const vft_logup_prover *pv, unsigned l, size_t t, block *const out[COLUMNS],
                       tile_buffer *buf) {
  size_t at = 0;
  for (size_t s = 2 * t; s < 2 * t + 2 && s < pv->tables[l].tiles; s++) {
    tile_view v = load_tile(pv, l, s, buf);
    block *half[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) half[c] = out[c] + at;
    (v.column[P0] ? pv->ops->add : pv->ops->add_ones)(half, v.column, v.blocks / 2);
    at += v.blocks / 2;
  }
  size_t end = round_up(at, GROUP);
  fill_tail(out, at, end, VFT_EXT_ZERO);
  return end;
}

static tile_view load_tile(const vft_logup_prover *pv, unsigned l, size_t t, tile_buffer *buf) {
  if (l >= pv->stored) return stored_tile(&pv->tables[l], t);
  if (l == 0) return leaf_tile(pv, t, buf);
  block *out[COLUMNS];
  tile_view v;
  for (int c = 0; c < COLUMNS; c++) v.column[c] = out[c] = buf[l].column[c];
  v.blocks = add_tile(pv, l - 1, t, out, buf);
  return v;
}

/* ---- building ------------------------------------------------------------------------------- */

typedef struct {
  vft_logup_prover *pv;
  unsigned l; /* table written */
} build_pass;

static void build_tiles(void *ctx, size_t begin, size_t end) {
  const build_pass *pass = ctx;
  vft_logup_prover *pv = pass->pv;
  const table *tb = &pv->tables[pass->l];
  tile_buffer buf[VFT_LOGUP_MAX_RECOMPUTE + 1];
  for (size_t t = begin; t < end; t++) {
    block *out[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) out[c] = tb->column[c] + t * TILE_BLOCKS;
    add_tile(pv, pass->l - 1, t, out, buf);
  }
}

/* An arena of at least `bytes`, in place of the present one. */
static vft_status arena_reserve(vft_logup_prover *pv, size_t bytes) {
  vft_free(pv->owned);
  pv->owned = NULL;
  if (pv->leaves.workspace && pv->leaves.workspace_bytes >= bytes) {
    pv->arena = pv->leaves.workspace;
    pv->arena_size = pv->leaves.workspace_bytes;
    return VFT_OK;
  }
  pv->arena = pv->owned = vft_alloc_raw(bytes, 1);
  pv->arena_size = bytes;
  return pv->arena ? VFT_OK : VFT_RESOURCE;
}

vft_logup_prover *vft_logup_prover_new(unsigned n, size_t real, const vft_logup_leaves *leaves) {
  vft_logup_prover *pv = vft_alloc(1, sizeof *pv);
  if (!pv) return NULL;
  pv->ops = vft_logup_ops_get();
  pv->n = n;
  pv->real = real;
  pv->leaves = *leaves;
  pv->stored = first_stored(n, leaves->recompute);
  fill_blocks(pv->ones, 0, STEP, VFT_EXT_ONE);
  for (unsigned l = 0; l < n; l++) {
    table *tb = &pv->tables[l];
    tb->blocks = blocks_of(entries_of(real, l));
    tb->tiles = tiles_of(tb->blocks);
    tb->vars = n - 1 - l;
  }
  size_t tiles = pv->tables[0].tiles;
  /* The leaves' working tables are sized when their numerators are known. */
  vft_status st = arena_reserve(pv, arena_bytes(n, real, pv->stored, 0));
  pv->outer = vft_alloc_raw(tiles, sizeof *pv->outer);
  pv->part = vft_alloc_raw(tiles, sizeof *pv->part);
  pv->leaf_ones = vft_alloc(tiles, 1);
  for (int i = 0; i < 2; i++) pv->slots[i] = vft_alloc_raw(tiles, sizeof **pv->slots);
  if (st != VFT_OK || !pv->outer || !pv->part || !pv->leaf_ones || !pv->slots[0] || !pv->slots[1]) {
    vft_logup_prover_free(pv);
    return NULL;
  }
  uint8_t *at = pv->arena;
  for (unsigned l = pv->stored; l < n; l++) {
    table *tb = &pv->tables[l];
    at = place(tb, at, tb->blocks, tb->vars, SIZE_MAX);
    pv->behind[l] = (size_t)(at - pv->arena);
    build_pass pass = {pv, l};
    vft_parallel_for(tb->tiles, 1, build_tiles, &pass);
  }
  return pv;
}

void vft_logup_prover_free(vft_logup_prover *pv) {
  if (!pv) return;
  vft_free(pv->owned);
  vft_free(pv->outer);
  vft_free(pv->part);
  vft_free(pv->leaf_ones);
  for (int i = 0; i < 2; i++) vft_free(pv->slots[i]);
  vft_free(pv);
}

static vft_ext first_entry(const block *b) {
  return (vft_ext){{{b->c[0][0]}, {b->c[1][0]}, {b->c[2][0]}}};
}

void vft_logup_prover_root(vft_logup_prover *pv, vft_ext v[4]) {
  tile_buffer buf[VFT_LOGUP_MAX_RECOMPUTE + 1];
  tile_view t = load_tile(pv, pv->n - 1, 0, buf);
  for (int c = 0; c < COLUMNS; c++) v[c] = first_entry(t.column[c]);
}

/* ---- sums ----------------------------------------------------------------------------------- */

/* Weights of the pairs of the present round, in `tiles` tiles. */
static void weights(vft_logup_prover *pv, size_t tiles) {
  const vft_ext *z = pv->z + pv->round + 1;
  unsigned m = pv->k - 1 - pv->round, low = m < INNER ? m : INNER;
  vft_ext e[1 << INNER];
  vft_eq_table(e, z, low, VFT_EXT_ONE, (size_t)1 << low);
  for (size_t i = (size_t)1 << low; i < 1 << INNER; i++) e[i] = VFT_EXT_ZERO;
  for (size_t i = 0; i < 1 << INNER; i++) {
    vft_fp c[5] = {e[i].c[0], e[i].c[1], e[i].c[2], vft_fp_add(e[i].c[0], e[i].c[2]),
                   vft_fp_add(e[i].c[1], e[i].c[2])};
    for (int k = 0; k < 5; k++) pv->inner[i >> 3].c[k][i & 7] = c[k].v;
  }
  vft_eq_table(pv->outer, z + low, m - low, VFT_EXT_ONE, tiles);
}

/* The present round's sums from the parts of `tiles` tiles that cover `pairs` pairs. */
static void total(vft_logup_prover *pv, size_t tiles, size_t pairs) {
  unsigned m = pv->k - 1 - pv->round;
  vft_ext s0 = VFT_EXT_ZERO, s2 = VFT_EXT_ZERO;
  for (size_t t = 0; t < tiles; t++) {
    s0 = vft_ext_add(s0, pv->part[t][0]);
    s2 = vft_ext_add(s2, pv->part[t][1]);
  }
  if (!(pairs >> m)) {
    vft_ext met = vft_poly_eq_prefix(pv->z + pv->round + 1, m, pairs);
    s0 = vft_ext_add(s0, vft_ext_mul(pv->lambda, vft_ext_sub(VFT_EXT_ONE, met)));
  }
  pv->at_zero = s0;
  pv->leading = s2;
}

static vft_ext lanes(const block *b) {
  vft_ext s = VFT_EXT_ZERO;
  for (int k = 0; k < 3; k++) {
    for (int i = 0; i < 8; i++) s.c[k] = vft_fp_add(s.c[k], (vft_fp){b->c[k][i]});
  }
  return s;
}

/* The part of a tile with the lane-wise sums `sum`. A tile of ones is whole, and its inner
 * weights add to one. */
static void finish_part(vft_logup_prover *pv, size_t t, const block sum[2], bool ones) {
  vft_ext w = pv->outer[t], s0 = lanes(sum), s2 = lanes(sum + 1);
  if (ones) {
    s0 = vft_ext_sub(vft_ext_mul(pv->lambda, s0), pv->mu);
    s2 = vft_ext_mul(pv->lambda, s2);
  }
  pv->part[t][0] = vft_ext_mul(w, s0);
  pv->part[t][1] = vft_ext_mul(w, s2);
}

/* Adds the sums of the tile's blocks at .. at + blocks - 1 (both even). */
static void step_sums(const vft_logup_prover *pv, block sum[2], block *const column[COLUMNS],
                      size_t at, size_t blocks) {
  const vft_logup_weight *w = pv->inner + at / 2;
  if (column[P0]) {
    const block *in[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) in[c] = column[c] + at;
    pv->ops->sums(sum, in, w, blocks / 2);
  } else {
    pv->ops->sums_ones(sum, column[Q0] + at, column[Q1] + at, w, blocks / 2, pv->mu);
  }
}

/* First round: the source's own entries. */
static void first_tiles(void *ctx, size_t begin, size_t end) {
  vft_logup_prover *pv = ctx;
  tile_buffer buf[VFT_LOGUP_MAX_RECOMPUTE + 1];
  block combined[STEP];
  for (size_t t = begin; t < end; t++) {
    tile_view v = load_tile(pv, pv->source, t, buf);
    block sum[2];
    memset(sum, 0, sizeof sum);
    for (size_t b = 0; b < v.blocks; b += STEP) {
      size_t now = v.blocks - b < STEP ? v.blocks - b : STEP;
      const block *q0 = v.column[Q0] + b, *q1 = v.column[Q1] + b;
      if (v.column[P0]) {
        pv->ops->combine(combined, v.column[P0] + b, q0, now, pv->lambda);
        const block *in[COLUMNS] = {combined, v.column[P1] + b, q0, q1};
        pv->ops->sums(sum, in, pv->inner + b / 2, now / 2);
      } else {
        pv->ops->sums_ones(sum, q0, q1, pv->inner + b / 2, now / 2, pv->mu);
      }
    }
    finish_part(pv, t, sum, !v.column[P0]);
    if (pv->source == 0) pv->leaf_ones[t] = !v.column[P0];
  }
}

/* ---- binding -------------------------------------------------------------------------------- */

typedef struct {
  vft_logup_prover *pv;
  const table *from; /* NULL: the source table, where p0 is not yet P */
  const table *to;
  vft_ext r;
  bool sums;
} bind_pass;

/* `now` output blocks from the blocks at 2 b of v, into out[..] + at. */
static void bind_step(const bind_pass *pass, const tile_view *v, size_t b, size_t now,
                      block *const out[COLUMNS], size_t at) {
  const vft_logup_ops *ops = pass->pv->ops;
  vft_ext lambda = pass->pv->lambda;
  for (int c = Q0; c <= Q1; c++) ops->fold(out[c] + at, v->column[c] + 2 * b, now, pass->r);
  if (!out[P0]) return;
  if (!v->column[P0]) {
    ops->combine(out[P0] + at, pass->pv->ones, out[Q0] + at, now, lambda);
    memcpy(out[P1] + at, pass->pv->ones, now * sizeof(block));
    return;
  }
  for (int c = P0; c <= P1; c++) ops->fold(out[c] + at, v->column[c] + 2 * b, now, pass->r);
  if (!pass->from) ops->combine(out[P0] + at, out[P0] + at, out[Q0] + at, now, lambda);
}

static void bind_tiles(void *ctx, size_t begin, size_t end) {
  const bind_pass *pass = ctx;
  vft_logup_prover *pv = pass->pv;
  size_t sources = pass->from ? pass->from->tiles : pv->tables[pv->source].tiles;
  tile_buffer buf[VFT_LOGUP_MAX_RECOMPUTE + 1];
  for (size_t t = begin; t < end; t++) {
    tile_view o = stored_tile(pass->to, t);
    block *out[COLUMNS], sum[2];
    for (int c = 0; c < COLUMNS; c++) out[c] = (block *)(uintptr_t)o.column[c];
    memset(sum, 0, sizeof sum);
    size_t at = 0;
    for (size_t s = 2 * t; s < 2 * t + 2 && s < sources; s++) {
      tile_view v = pass->from ? stored_tile(pass->from, s)
                               : load_tile(pv, pv->source, s, buf);
      for (size_t b = 0; b < v.blocks / 2; b += STEP) {
        size_t now = v.blocks / 2 - b < STEP ? v.blocks / 2 - b : STEP;
        bind_step(pass, &v, b, now, out, at);
        if (pass->sums) step_sums(pv, sum, out, at, now);
        at += now;
      }
    }
    if (at < o.blocks) {
      fill_tail(out, at, o.blocks, pv->lambda);
      if (pass->sums) step_sums(pv, sum, out, at, o.blocks - at);
    }
    if (pass->sums) finish_part(pv, t, sum, !out[P0]);
  }
}

/* Marks the tiles of *to that are all ones and gives the others their slots; returns their
 * number. *from is the leaf table if pv->bound is NULL. */
static size_t assign_slots(const vft_logup_prover *pv, const table *from, table *to,
                           uint32_t *slot) {
  size_t general = 0;
  for (size_t t = 0; t < to->tiles; t++) {
    bool ones = 2 * t + 1 < from->tiles && (size_t)1 << to->vars >= TILE;
    for (size_t s = 2 * t; ones && s < 2 * t + 2; s++) {
      ones = pv->bound ? pv->bound->slot[s] == NONE : pv->leaf_ones[s];
    }
    slot[t] = ones ? NONE : (uint32_t)general++;
  }
  to->slot = slot;
  return general;
}

/* Finds room for the running layer's working tables, in the arena behind its source. */
static vft_status reserve_work(vft_logup_prover *pv, size_t general) {
  size_t size[2], from = pv->source < pv->stored ? 0 : pv->behind[pv->source];
  working_bytes(pv->tables[pv->source].blocks, general, size);
  if (from + size[0] + size[1] > pv->arena_size) {
    /* Only the leaves' working tables, with more numerators than were counted on: every stored
     * table has been used. */
    TRY(arena_reserve(pv, size[0] + size[1]));
    from = 0;
  }
  pv->work_at[0] = pv->arena + from;
  pv->work_at[1] = pv->work_at[0] + size[0];
  return VFT_OK;
}

/* ---- the running layer ---------------------------------------------------------------------- */

vft_status vft_logup_prover_layer(vft_logup_prover *pv, unsigned k, const vft_ext *z,
                                  vft_ext lambda) {
  if (vft_ext_is_zero(lambda)) {
    return vft_fail(VFT_RESOURCE, "LogUp prover: a challenge is zero; start the proof again");
  }
  pv->source = pv->n - 1 - k;
  pv->k = k;
  pv->round = 0;
  pv->z = z;
  pv->lambda = lambda;
  pv->mu = vft_ext_inv(lambda);
  pv->bound = NULL;
  const table *tb = &pv->tables[pv->source];
  weights(pv, tb->tiles);
  vft_parallel_for(tb->tiles, 1, first_tiles, pv);
  total(pv, tb->tiles, 4 * tb->blocks);
  return VFT_OK;
}

vft_status vft_logup_prover_round(vft_logup_prover *pv, vft_ext v, vft_ext coef[2]) {
  vft_ext z = pv->z[pv->round];
  if (vft_ext_is_zero(z)) {
    return vft_fail(VFT_RESOURCE, "LogUp prover: a challenge is zero; start the proof again");
  }
  /* v = a + z (b + c) */
  vft_ext bc = vft_ext_mul(vft_ext_sub(v, pv->at_zero), vft_ext_inv(z));
  coef[0] = vft_ext_sub(bc, pv->leading);
  coef[1] = pv->leading;
  return VFT_OK;
}

vft_status vft_logup_prover_bind(vft_logup_prover *pv, vft_ext r) {
  const table *from = pv->bound ? pv->bound : &pv->tables[pv->source];
  int which = pv->round & 1;
  table *to = &pv->work[which];
  size_t blocks = round_up(from->blocks / 2, GROUP), general = SIZE_MAX;
  *to = (table){.tiles = tiles_of(blocks), .vars = from->vars - 1};
  if (pv->source == 0) general = assign_slots(pv, from, to, pv->slots[which]);
  if (!pv->bound) TRY(reserve_work(pv, general));
  place(to, pv->work_at[which], blocks, from->vars - 1, general);
  pv->round++;
  bind_pass pass = {pv, pv->bound, to, r, pv->round < pv->k};
  if (pass.sums) weights(pv, to->tiles);
  vft_parallel_for(to->tiles, 1, bind_tiles, &pass);
  if (pass.sums) total(pv, to->tiles, 4 * to->blocks);
  pv->bound = to;
  return VFT_OK;
}

void vft_logup_prover_values(vft_logup_prover *pv, vft_ext v[4]) {
  for (int c = 0; c < COLUMNS; c++) v[c] = first_entry(pv->bound->column[c]);
  v[P0] = vft_ext_sub(v[P0], vft_ext_mul(pv->lambda, v[Q0]));
}
