#include "merkle/tree.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "base/random.h"
#include "field/batch.h"
#include "hash/blake3_lanes.h"
#include "hash/poseidon.h"
#include "merkle/path.h"

enum {
  LANES = VFT_RS_LANES,
  BLOCKS = 16,      /* blocks of 64 bytes in a BLAKE3 chunk */
  FUSED_CHUNKS = 4, /* from so many chunks on, chunks are the unit of parallel work */
  SLICE = 1024,     /* columns hashed at a time by one thread */
  NODE_GRAIN = 4096,
  TILE = 64,        /* sponges advanced together: they stay in cache over a batch of groups */
  POSEIDON_GRAIN = 256 /* columns, or nodes, of a unit of work */
};

struct vft_merkle {
  const vft_rs *code;
  vft_hash_kind hash;
  size_t rows, groups;
  unsigned log_n;
  vft_row_source source;
  void *ctx;
  vft_fp *codeword;  /* [group][position][lane], or NULL */
  vft_digest *nodes; /* leaves, then each level above; 2 N - 1 in all */
  vft_digest *salts; /* N, or NULL */
};

/* ---- sources ---- */
vft_status vft_rows_fp(void *ctx, size_t row, vft_fp *out) {
  const vft_rows_fp_ctx *s = ctx;
  size_t begin = row * s->len;
  size_t have = begin < s->total ? s->total - begin : 0;
  if (have > s->len) have = s->len;
  if (have) memcpy(out, s->rows + begin, have * sizeof *out);
  memset(out + have, 0, (s->len - have) * sizeof *out);
  return VFT_OK;
}

vft_status vft_rows_ext(void *ctx, size_t row, vft_fp *out) {
  const vft_rows_ext_ctx *s = ctx;
  size_t begin = row / 3 * s->len, k = row % 3;
  size_t have = begin < s->total ? s->total - begin : 0;
  if (have > s->len) have = s->len;
  for (size_t i = 0; i < have; i++) out[i] = s->rows[begin + i].c[k];
  memset(out + have, 0, (s->len - have) * sizeof *out);
  return VFT_OK;
}

/* Frees scratch memory of n elements; wipes it where columns are to stay hidden. */
static void drop(const vft_merkle *t, vft_fp *scratch, size_t n) {
  if (t->salts && scratch) vft_wipe(scratch, n * sizeof *scratch);
  vft_free(scratch);
}

/* ---- one group of eight rows ---- */

/* Buffers of one worker: eight message rows, and the same interleaved. */
typedef struct {
  vft_fp *rows, *mixed;
} group_buffer;

static vft_status group_buffer_make(group_buffer *b, const vft_rs *code) {
  size_t words = (size_t)LANES << vft_rs_log_message(code);
  b->rows = vft_alloc_raw(words, sizeof *b->rows);
  b->mixed = vft_alloc_raw(words, sizeof *b->mixed);
  return b->rows && b->mixed ? VFT_OK : VFT_RESOURCE;
}

static void group_buffer_drop(const vft_merkle *t, group_buffer *b) {
  size_t words = (size_t)LANES << vft_rs_log_message(t->code);
  drop(t, b->rows, words);
  drop(t, b->mixed, words);
}

static vft_status load_group(const vft_merkle *t, size_t group, vft_fp *rows, vft_fp *mixed) {
  size_t len = (size_t)1 << vft_rs_log_message(t->code);
  const vft_fp *lane[LANES] = {NULL};
  for (size_t l = 0; l < LANES && group * LANES + l < t->rows; l++) {
    TRY(t->source(t->ctx, group * LANES + l, rows + l * len));
    lane[l] = rows + l * len;
  }
  vft_rs_interleave(mixed, lane, len);
  return VFT_OK;
}

/* A failure inside a parallel loop: the first one of each worker is kept and reported later by
 * the calling thread, because messages belong to threads. */
typedef struct {
  vft_status status;
  char message[256];
} failure;

static void failure_note(failure *f, vft_status st) {
  if (st == VFT_OK || f->status != VFT_OK) return;
  f->status = st;
  strncpy(f->message, vft_error_message(), sizeof f->message - 1);
}

static vft_status failure_report(const failure *f) {
  return f->status == VFT_OK ? VFT_OK : vft_fail(f->status, "%s", f->message);
}

/* ---- hashing: BLAKE3 ----
 * Block 0 of a leaf's message is the header; block 1 + g is group g. */

static size_t leaf_blocks(const vft_merkle *t) { return 1 + t->groups; }
static size_t leaf_chunks(const vft_merkle *t) { return (leaf_blocks(t) + BLOCKS - 1) / BLOCKS; }

/* Absorbs block `b` > 0 of columns [from, from + count): codeword of that group, all positions. */
static void absorb(const vft_merkle *t, size_t b, const vft_fp *codeword, uint32_t *cv,
                   size_t from, size_t count) {
  size_t chunk = b / BLOCKS, last = leaf_blocks(t) - 1;
  size_t in_last = t->rows - (t->groups - 1) * LANES;
  uint32_t flags = b % BLOCKS == 0 ? VFT_LANES_START : 0;
  if (b % BLOCKS == BLOCKS - 1 || b == last) flags |= VFT_LANES_END;
  if (b == last && chunk == 0) flags |= VFT_LANES_ROOT;
  vft_blake3_lanes_absorb(cv + 8 * from, (const uint8_t *)(codeword + from * LANES), count, chunk,
                          b == last ? (uint32_t)(8 * in_last) : 64, flags);
}

/* Chunk 0 begins behind the header, the same for all columns. */
static void begin_leaves(const vft_merkle *t, uint32_t *cv, size_t from, size_t count) {
  uint8_t header[VFT_MERKLE_HEADER];
  uint32_t value[8];
  vft_merkle_header(header, t->rows, t->log_n);
  vft_blake3_lanes_prefix(header, value);
  vft_blake3_lanes_set(cv + 8 * from, count, value);
}

typedef struct {
  vft_merkle *tree;
  uint32_t *cv;     /* chunk k: cv + k * 8 N, word-sliced */
  vft_fp *codeword; /* all groups: what is kept, or a temporary of the unfused way; else NULL */
  vft_fp *mixed;    /* unfused: the messages of the groups at hand */
  failure *failed;  /* one a worker */
  size_t workers;
  size_t first, end; /* unfused: the groups at hand */
  _Atomic size_t next; /* unit of work to be taken */
} commit_job;

/* Fused: a worker takes whole chunks; the codeword of a group is hashed while it is in cache. */
static vft_status fused_worker(commit_job *job) {
  vft_merkle *t = job->tree;
  size_t n = (size_t)1 << t->log_n, chunk;
  group_buffer buf = {NULL, NULL};
  vft_fp *own = job->codeword ? NULL : vft_alloc_raw(n * LANES, sizeof *own);
  vft_status st = group_buffer_make(&buf, t->code);
  if (st == VFT_OK && !job->codeword && !own) st = VFT_RESOURCE;
  while (st == VFT_OK && (chunk = atomic_fetch_add(&job->next, 1)) < leaf_chunks(t)) {
    uint32_t *cv = job->cv + chunk * 8 * n;
    size_t b = chunk * BLOCKS, end = b + BLOCKS;
    if (end > leaf_blocks(t)) end = leaf_blocks(t);
    if (b == 0) begin_leaves(t, cv, 0, n);
    for (b += b == 0; b < end && st == VFT_OK; b++) {
      vft_fp *word = job->codeword ? job->codeword + (b - 1) * n * LANES : own;
      st = load_group(t, b - 1, buf.rows, buf.mixed);
      if (st != VFT_OK) break;
      vft_rs_encode8(t->code, buf.mixed, word);
      absorb(t, b, word, cv, 0, n);
    }
  }
  group_buffer_drop(t, &buf);
  drop(t, own, n * LANES);
  return st;
}

static void fused_workers(void *ctx, size_t begin, size_t end) {
  commit_job *job = ctx;
  for (size_t w = begin; w < end; w++) failure_note(&job->failed[w], fused_worker(job));
}

/* Unfused, for few rows or sponges: load groups, encode blocks of groups, hash slices of
 * columns. */
static void load_groups(void *ctx, size_t begin, size_t end) {
  commit_job *job = ctx;
  vft_merkle *t = job->tree;
  for (size_t w = begin; w < end; w++) {
    size_t words = (size_t)LANES << vft_rs_log_message(t->code), g;
    vft_fp *rows = vft_alloc_raw(words, sizeof *rows);
    vft_status st = rows ? VFT_OK : VFT_RESOURCE;
    while (st == VFT_OK && (g = atomic_fetch_add(&job->next, 1)) < job->end)
      st = load_group(t, g, rows, job->mixed + (g - job->first) * words);
    drop(t, rows, words);
    failure_note(&job->failed[w], st);
  }
}

static void encode_blocks(void *ctx, size_t begin, size_t end) {
  commit_job *job = ctx;
  const vft_rs *code = job->tree->code;
  unsigned c = vft_rs_log_message(code), rate = vft_rs_log_length(code) - c;
  for (size_t k = begin; k < end; k++) {
    size_t g = k >> rate;
    vft_rs_encode8_block(code, job->mixed + (g * LANES << c),
                         job->codeword + (g * LANES << (c + rate)),
                         k & (((size_t)1 << rate) - 1));
  }
}

static void hash_slices(void *ctx, size_t begin, size_t end) {
  commit_job *job = ctx;
  vft_merkle *t = job->tree;
  size_t n = (size_t)1 << t->log_n;
  begin_leaves(t, job->cv, begin, end - begin);
  for (size_t b = 1; b < leaf_blocks(t); b++)
    absorb(t, b, job->codeword + (b - 1) * n * LANES, job->cv + b / BLOCKS * 8 * n, begin,
           end - begin);
}

/* Joins the chunks of a slice of columns and writes its leaf digests. */
static void finish_slices(void *ctx, size_t begin, size_t end) {
  commit_job *job = ctx;
  vft_merkle *t = job->tree;
  size_t n = (size_t)1 << t->log_n, chunks = leaf_chunks(t);
  if (chunks > 1) vft_blake3_lanes_join(job->cv + 8 * begin, 8 * n, chunks, end - begin);
  vft_blake3_lanes_digests(job->cv + 8 * begin, end - begin, t->nodes + begin);
}

typedef struct {
  vft_hash_kind hash;
  const vft_digest *below;
  vft_digest *level;
} node_job;

static void hash_nodes(void *ctx, size_t begin, size_t end) {
  const node_job *job = ctx;
  vft_merkle_nodes(job->hash, job->below + 2 * begin, job->level + begin, end - begin);
}

static void build_nodes(vft_merkle *t) {
  vft_digest *below = t->nodes;
  for (size_t width = (size_t)1 << t->log_n; width > 1; width /= 2) {
    node_job job = {t->hash, below, below + width};
    vft_parallel_for(width / 2, t->hash == VFT_HASH_POSEIDON ? POSEIDON_GRAIN : NODE_GRAIN,
                     hash_nodes, &job);
    below += width;
  }
}

/* Messages and codewords of the groups first .. end-1. */
static vft_status encode_groups(commit_job *job, size_t first, size_t end) {
  vft_merkle *t = job->tree;
  job->first = first;
  job->end = end;
  atomic_init(&job->next, first);
  vft_parallel_for(job->workers, 1, load_groups, job);
  for (size_t w = 0; w < job->workers; w++) TRY(failure_report(&job->failed[w]));
  vft_parallel_for((end - first) << (t->log_n - vft_rs_log_message(t->code)), 1, encode_blocks,
                   job);
  return VFT_OK;
}

static vft_status encode_and_hash(commit_job *job) {
  vft_merkle *t = job->tree;
  size_t n = (size_t)1 << t->log_n;
  unsigned c = vft_rs_log_message(t->code);
  bool fused = leaf_chunks(t) >= FUSED_CHUNKS;
  vft_fp *temporary = NULL;
  vft_status st = VFT_OK;
  atomic_init(&job->next, 0);
  if (fused) {
    vft_parallel_for(job->workers, 1, fused_workers, job);
    for (size_t w = 0; w < job->workers; w++) TRY(failure_report(&job->failed[w]));
    return VFT_OK;
  }
  job->mixed = vft_alloc_raw(t->groups * LANES << c, sizeof *job->mixed);
  if (!job->codeword)
    job->codeword = temporary = vft_alloc_raw(t->groups * LANES * n, sizeof *temporary);
  if (!job->mixed || !job->codeword) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(encode_groups(job, 0, t->groups));
  vft_parallel_for(n, SLICE, hash_slices, job);
out:
  drop(t, job->mixed, t->groups * LANES << c);
  drop(t, temporary, t->groups * LANES * n);
  return st;
}

static vft_status blake3_leaves(vft_merkle *t) {
  commit_job job = {.tree = t, .codeword = t->codeword, .workers = (size_t)vft_threads()};
  size_t n = (size_t)1 << t->log_n;
  vft_status st = VFT_RESOURCE;
  job.cv = vft_alloc_raw(leaf_chunks(t) * n, 32);
  job.failed = vft_alloc(job.workers, sizeof *job.failed);
  if (!job.cv || !job.failed) goto out;
  TRY_OUT(encode_and_hash(&job));
  vft_parallel_for(n, SLICE, finish_slices, &job);
out:
  vft_free(job.cv);
  vft_free(job.failed);
  return st;
}

/* ---- hashing: Poseidon ----
 * A column's sponge takes one group a permutation, in order, so columns are the unit of parallel
 * work, and groups come in batches: as many as there are workers, so that loading them occupies
 * all. */

typedef struct {
  commit_job encode; /* codeword: of the groups of the batch */
  vft_poseidon_state *state;
} sponge_job;

static size_t batch_groups(size_t groups, size_t workers) {
  size_t most = workers > VFT_MERKLE_BATCH ? workers : VFT_MERKLE_BATCH;
  return groups < most ? groups : most;
}

static void begin_sponges(void *ctx, size_t begin, size_t end) {
  const sponge_job *job = ctx;
  const vft_merkle *t = job->encode.tree;
  vft_poseidon_state first;
  memset(&first, 0, sizeof first);
  first.s[VFT_POSEIDON_RATE] = vft_fp_from_u64(t->rows);
  first.s[VFT_POSEIDON_RATE + 2] = vft_fp_from_u64(vft_merkle_domain(t->log_n));
  for (size_t j = begin; j < end; j++) job->state[j] = first;
}

static void absorb_columns(void *ctx, size_t begin, size_t end) {
  const sponge_job *job = ctx;
  const commit_job *e = &job->encode;
  size_t n = (size_t)1 << e->tree->log_n;
  for (size_t tile = begin; tile < end; tile += TILE) {
    size_t m = end - tile < TILE ? end - tile : TILE;
    vft_poseidon_state *state = job->state + tile;
    for (size_t g = 0; g < e->end - e->first; g++) {
      const vft_fp *in = e->codeword + (g * n + tile) * LANES;
      for (size_t j = 0; j < m; j++)
        vft_fp_add_n(state[j].s, state[j].s, in + j * LANES, LANES);
      vft_poseidon_permute(state, m);
    }
  }
}

static void finish_sponges(void *ctx, size_t begin, size_t end) {
  const sponge_job *job = ctx;
  for (size_t j = begin; j < end; j++) {
    vft_poseidon_digest d;
    memcpy(d.e, job->state[j].s, sizeof d.e);
    vft_poseidon_bytes(&d, job->encode.tree->nodes[j].b);
  }
}

static vft_status poseidon_leaves(vft_merkle *t) {
  _Static_assert((int)LANES == (int)VFT_POSEIDON_RATE, "a group of rows fills the rate");
  size_t n = (size_t)1 << t->log_n, workers = (size_t)vft_threads();
  size_t batch = batch_groups(t->groups, workers);
  vft_status st = VFT_RESOURCE;
  sponge_job job = {.encode = {.tree = t, .workers = workers}};
  vft_fp *own = t->codeword ? NULL : vft_alloc_raw(batch * n, LANES * sizeof *own);
  job.state = vft_alloc_raw(n, sizeof *job.state);
  job.encode.mixed = vft_alloc_raw(batch * LANES << vft_rs_log_message(t->code), sizeof(vft_fp));
  job.encode.failed = vft_alloc(workers, sizeof *job.encode.failed);
  if (!job.state || !job.encode.mixed || !job.encode.failed || !(own || t->codeword)) goto out;
  vft_parallel_for(n, SLICE, begin_sponges, &job);
  for (size_t g = 0; g < t->groups; g += batch) {
    size_t end = g + batch < t->groups ? g + batch : t->groups;
    job.encode.codeword = own ? own : t->codeword + g * n * LANES;
    TRY_OUT(encode_groups(&job.encode, g, end));
    vft_parallel_for(n, POSEIDON_GRAIN, absorb_columns, &job);
  }
  vft_parallel_for(n, SLICE, finish_sponges, &job);
  st = VFT_OK;
out:
  vft_free(own);
  vft_free(job.state);
  vft_free(job.encode.mixed);
  vft_free(job.encode.failed);
  return st;
}

/* Leaves become the nodes over themselves and their salts. */
static void salt_leaves(void *ctx, size_t begin, size_t end) {
  enum { BATCH = 64 };
  vft_merkle *t = ctx;
  vft_digest pair[2 * BATCH];
  for (size_t from = begin; from < end; from += BATCH) {
    size_t n = end - from < BATCH ? end - from : BATCH;
    for (size_t i = 0; i < n; i++) {
      pair[2 * i] = t->nodes[from + i];
      pair[2 * i + 1] = t->salts[from + i];
    }
    vft_merkle_nodes(t->hash, pair, t->nodes + from, n);
  }
}

vft_status vft_merkle_commit(vft_merkle **out, vft_hash_kind hash, const vft_rs *code,
                             size_t rows, vft_row_source source, void *ctx, bool keep) {
  return vft_merkle_commit_salted(out, hash, code, rows, source, ctx, keep, NULL);
}

vft_status vft_merkle_commit_salted(vft_merkle **out, vft_hash_kind hash, const vft_rs *code,
                                    size_t rows, vft_row_source source, void *ctx, bool keep,
                                    const vft_digest *salts) {
  *out = NULL;
  if (salts && hash != VFT_HASH_BLAKE3)
    return vft_fail(VFT_USAGE, "commitment: salted trees are under BLAKE3 only");
  unsigned log_n = vft_rs_log_length(code);
  if (!rows || log_n < 4 || log_n > VFT_MERKLE_MAX_LOG)
    return vft_fail(VFT_USAGE, "commitment: %zu rows of length 2^%u: needs at least one row and "
                    "a length of 2^4..2^%d", rows, log_n, VFT_MERKLE_MAX_LOG);
  size_t n = (size_t)1 << log_n, groups = (rows + LANES - 1) / LANES;
  vft_merkle *t = vft_alloc(1, sizeof *t);
  if (!t) return VFT_RESOURCE;
  *t = (vft_merkle){code, hash, rows, groups, log_n, source, ctx, NULL, NULL, NULL};
  vft_status st = VFT_RESOURCE;
  t->nodes = vft_alloc_raw(2 * n - 1, sizeof *t->nodes);
  if (keep) t->codeword = vft_alloc_raw(groups * n, LANES * sizeof *t->codeword);
  if (salts) t->salts = vft_alloc_raw(n, sizeof *t->salts);
  if (!t->nodes || (keep && !t->codeword) || (salts && !t->salts)) goto out;
  TRY_OUT(hash == VFT_HASH_POSEIDON ? poseidon_leaves(t) : blake3_leaves(t));
  if (salts) {
    memcpy(t->salts, salts, n * sizeof *salts);
    vft_parallel_for(n, NODE_GRAIN, salt_leaves, t);
  }
  build_nodes(t);
  *out = t;
  t = NULL;
out:
  vft_merkle_free(t);
  return st;
}

void vft_merkle_free(vft_merkle *tree) {
  if (!tree) return;
  if (tree->salts) { /* what was hidden leaves no trace */
    size_t n = (size_t)1 << tree->log_n;
    vft_wipe(tree->salts, n * sizeof *tree->salts);
    if (tree->codeword) vft_wipe(tree->codeword, tree->groups * n * LANES * sizeof *tree->codeword);
    vft_wipe(tree->nodes, n * sizeof *tree->nodes);
  }
  vft_free(tree->salts);
  vft_free(tree->codeword);
  vft_free(tree->nodes);
  vft_free(tree);
}

/* Level `height` starts behind N + N/2 + ... : 2 N - 2 (N >> height) nodes. */
vft_digest vft_merkle_node(const vft_merkle *tree, unsigned height, uint64_t at) {
  size_t n = (size_t)1 << tree->log_n;
  return tree->nodes[2 * n - 2 * (n >> height) + at];
}

vft_digest vft_merkle_root(const vft_merkle *tree) {
  return vft_merkle_node(tree, tree->log_n, 0);
}
vft_hash_kind vft_merkle_hash(const vft_merkle *tree) { return tree->hash; }
size_t vft_merkle_rows(const vft_merkle *tree) { return tree->rows; }
unsigned vft_merkle_log_length(const vft_merkle *tree) { return tree->log_n; }

/* ---- opening ---- */
typedef struct {
  const vft_merkle *tree;
  const uint32_t *positions;
  size_t count;
  vft_fp *columns;
  failure *failed;
  _Atomic size_t next;
} open_job;

static void copy_group(const open_job *job, size_t group, const vft_fp *codeword) {
  size_t rows = job->tree->rows, first = group * LANES;
  size_t have = rows - first < LANES ? rows - first : LANES;
  for (size_t k = 0; k < job->count; k++)
    memcpy(job->columns + k * rows + first, codeword + (size_t)job->positions[k] * LANES,
           have * sizeof *codeword);
}

static void open_workers(void *ctx, size_t begin, size_t end) {
  open_job *job = ctx;
  const vft_merkle *t = job->tree;
  for (size_t w = begin; w < end; w++) {
    size_t n = (size_t)1 << t->log_n, g;
    group_buffer buf = {NULL, NULL};
    vft_fp *word = vft_alloc_raw(n * LANES, sizeof *word);
    vft_status st = group_buffer_make(&buf, t->code);
    if (!word) st = VFT_RESOURCE;
    while (st == VFT_OK && (g = atomic_fetch_add(&job->next, 1)) < t->groups) {
      st = load_group(t, g, buf.rows, buf.mixed);
      if (st != VFT_OK) break;
      vft_rs_encode8(t->code, buf.mixed, word);
      copy_group(job, g, word);
    }
    group_buffer_drop(t, &buf);
    drop(t, word, n * LANES);
    failure_note(&job->failed[w], st);
  }
}

vft_status vft_merkle_open(const vft_merkle *tree, const uint32_t *positions, size_t count,
                           vft_fp *columns) {
  open_job job = {tree, positions, count, columns, NULL, 0};
  for (size_t k = 0; k < count; k++)
    if ((uint64_t)positions[k] >> tree->log_n || (k && positions[k] <= positions[k - 1]))
      return vft_fail(VFT_USAGE, "opening: position %u is out of order or not below 2^%u",
                      positions[k], tree->log_n);
  size_t n = (size_t)1 << tree->log_n;
  if (tree->codeword) {
    for (size_t g = 0; g < tree->groups; g++)
      copy_group(&job, g, tree->codeword + g * n * LANES);
    return VFT_OK;
  }
  size_t workers = (size_t)vft_threads();
  job.failed = vft_alloc(workers, sizeof *job.failed);
  if (!job.failed) return VFT_RESOURCE;
  vft_parallel_for(workers, 1, open_workers, &job);
  vft_status st = VFT_OK;
  for (size_t w = 0; w < workers && st == VFT_OK; w++) st = failure_report(&job.failed[w]);
  vft_free(job.failed);
  return st;
}

bool vft_merkle_is_salted(const vft_merkle *tree) { return tree->salts != NULL; }

void vft_merkle_salts(const vft_merkle *tree, const uint32_t *positions, size_t count,
                      vft_digest *salts) {
  for (size_t k = 0; k < count; k++) salts[k] = tree->salts[positions[k]];
}

/* Of the pairs above known nodes, those with one known member lack the other. */
void vft_merkle_siblings(const vft_merkle *tree, const uint32_t *positions, size_t count,
                         unsigned log_cap, vft_digest *siblings) {
  unsigned top = tree->log_n - log_cap;
  for (unsigned h = 0; h < top; h++)
    for (size_t i = 0; i < count;) {
      uint32_t at = positions[i] >> h, pair = at >> 1;
      bool both = false;
      for (; i < count && positions[i] >> h >> 1 == pair; i++) both |= positions[i] >> h != at;
      if (!both) *siblings++ = vft_merkle_node(tree, h, at ^ 1);
    }
  size_t i = 0;
  for (uint32_t at = 0; at < 1u << log_cap; at++) {
    bool known = false;
    for (; i < count && positions[i] >> top == at; i++) known = true;
    if (!known) *siblings++ = vft_merkle_node(tree, top, at);
  }
}
