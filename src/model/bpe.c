#include "model/bpe.h"

#include <string.h>

#include "base/mem.h"

enum { NONE = -1, SHORT_WORD = 48 };
#define NO_RANK UINT32_MAX

static size_t place(uint32_t left, uint32_t right, size_t mask) {
  uint64_t key = (uint64_t)left << 32 | right;
  key *= 0x9e3779b97f4a7c15u;
  return (size_t)(key >> 32 ^ key >> 11) & mask;
}

/* NULL when the pair does not merge. */
static const vft_merge *find(const vft_bpe *bpe, uint32_t left, uint32_t right) {
  for (size_t at = place(left, right, bpe->mask);; at = (at + 1) & bpe->mask) {
    const vft_merge *m = &bpe->slot[at];
    if (m->rank == NO_RANK) return NULL;
    if (m->left == left && m->right == right) return m;
  }
}

vft_status vft_bpe_build(vft_bpe *bpe, const vft_merge *merges, size_t count, const char *name) {
  size_t size = 16;
  while (size < 3 * count) size *= 2; /* load at most 1/3 */
  bpe->slot = vft_alloc_raw(size, sizeof *bpe->slot);
  if (!bpe->slot) return VFT_RESOURCE;
  bpe->mask = size - 1;
  for (size_t i = 0; i < size; i++) bpe->slot[i].rank = NO_RANK;
  for (size_t k = 0; k < count; k++) {
    size_t at = place(merges[k].left, merges[k].right, bpe->mask);
    for (; bpe->slot[at].rank != NO_RANK; at = (at + 1) & bpe->mask)
      if (bpe->slot[at].left == merges[k].left && bpe->slot[at].right == merges[k].right)
        return vft_fail(VFT_USAGE, "%s: merge %zu repeats merge %u", name, k,
                        bpe->slot[at].rank);
    bpe->slot[at] = merges[k];
    bpe->slot[at].rank = (uint32_t)k;
  }
  return VFT_OK;
}

void vft_bpe_free(vft_bpe *bpe) {
  vft_free(bpe->slot);
  bpe->slot = NULL;
}

void vft_bpe_scratch_free(vft_bpe_scratch *s) {
  vft_free(s->block);
  *s = (vft_bpe_scratch){0};
}

/* A symbol of a long word, in a doubly linked list that merging shortens. */
typedef struct {
  uint32_t id;
  int32_t previous, next;
  bool gone;
} symbol;

/* A merge that was possible when it was queued. */
typedef struct {
  uint32_t rank, left, right; /* ids, to notice that the symbols have changed since */
  int32_t at;                 /* left symbol */
} candidate;

static bool before(const candidate *a, const candidate *b) {
  return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void heap_push(candidate *heap, size_t *count, candidate c) {
  size_t i = (*count)++;
  while (i > 0 && before(&c, &heap[(i - 1) / 2])) {
    heap[i] = heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  heap[i] = c;
}

static candidate heap_pop(candidate *heap, size_t *count) {
  candidate top = heap[0], last = heap[--*count];
  size_t i = 0;
  for (size_t child; (child = 2 * i + 1) < *count; i = child) {
    if (child + 1 < *count && before(&heap[child + 1], &heap[child])) child++;
    if (!before(&heap[child], &last)) break;
    heap[i] = heap[child];
  }
  heap[i] = last;
  return top;
}

static void queue_pair(const vft_bpe *bpe, const symbol *s, int32_t left, candidate *heap,
                       size_t *count) {
  if (left < 0 || s[left].next < 0) return;
  uint32_t a = s[left].id, b = s[s[left].next].id;
  const vft_merge *m = find(bpe, a, b);
  if (m) heap_push(heap, count, (candidate){m->rank, a, b, left});
}

/* At most n-1 merges, each queues at most two candidates after the n-1 first: 3n in all. */
static vft_status merge_long(const vft_bpe *bpe, vft_bpe_scratch *scratch, const uint32_t *ids,
                             size_t n, vft_tokens *out) {
  size_t bytes = n * sizeof(symbol) + 3 * n * sizeof(candidate);
  if (scratch->capacity < bytes) {
    vft_free(scratch->block);
    scratch->capacity = 0;
    scratch->block = vft_alloc_raw(bytes, 1);
    if (!scratch->block) return VFT_RESOURCE;
    scratch->capacity = bytes;
  }
  symbol *s = scratch->block;
  candidate *heap = (candidate *)(void *)(s + n);
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    s[i] = (symbol){ids[i], (int32_t)i - 1, i + 1 < n ? (int32_t)i + 1 : NONE, false};
  for (size_t i = 0; i + 1 < n; i++) queue_pair(bpe, s, (int32_t)i, heap, &count);
  while (count) {
    candidate c = heap_pop(heap, &count);
    symbol *left = &s[c.at];
    if (left->gone || left->id != c.left || left->next < 0 || s[left->next].id != c.right)
      continue;
    symbol *right = &s[left->next];
    left->id = find(bpe, c.left, c.right)->result;
    right->gone = true;
    left->next = right->next;
    if (left->next >= 0) s[left->next].previous = c.at;
    queue_pair(bpe, s, left->previous, heap, &count);
    queue_pair(bpe, s, c.at, heap, &count);
  }
  for (int32_t i = 0; i >= 0; i = s[i].next) TRY(vft_tokens_push(out, (int32_t)s[i].id));
  return VFT_OK;
}

/* The same result by scanning for the lowest rank: faster for words of usual length. */
static vft_status merge_short(const vft_bpe *bpe, uint32_t *id, size_t n, vft_tokens *out) {
  uint32_t rank[SHORT_WORD], result[SHORT_WORD]; /* of the pair (i, i+1) */
  for (size_t i = 0; i + 1 < n; i++) {
    const vft_merge *m = find(bpe, id[i], id[i + 1]);
    rank[i] = m ? m->rank : NO_RANK;
    result[i] = m ? m->result : 0;
  }
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; i++)
      if (rank[i] < rank[best]) best = i;
    if (rank[best] == NO_RANK) break;
    id[best] = result[best];
    n--;
    memmove(id + best + 1, id + best + 2, (n - best - 1) * sizeof *id);
    if (best + 1 < n) {
      memmove(rank + best + 1, rank + best + 2, (n - best - 2) * sizeof *rank);
      memmove(result + best + 1, result + best + 2, (n - best - 2) * sizeof *result);
    }
    for (size_t i = best ? best - 1 : 0; i <= best && i + 1 < n; i++) {
      const vft_merge *m = find(bpe, id[i], id[i + 1]);
      rank[i] = m ? m->rank : NO_RANK;
      result[i] = m ? m->result : 0;
    }
  }
  for (size_t i = 0; i < n; i++) TRY(vft_tokens_push(out, (int32_t)id[i]));
  return VFT_OK;
}

vft_status vft_bpe_word(const vft_bpe *bpe, vft_bpe_scratch *scratch, const uint8_t *word,
                        size_t length, vft_tokens *out) {
  uint32_t few[SHORT_WORD], *id = few;
  if (length > SHORT_WORD && !(id = vft_alloc_raw(length, sizeof *id))) return VFT_RESOURCE;
  size_t n = 0;
  bool last_unknown = false;
  for (size_t i = 0; i < length; i++) {
    int32_t known = bpe->byte_id[word[i]];
    bool fused = last_unknown && bpe->fuse_unknown;
    last_unknown = known < 0;
    if (known >= 0) {
      id[n++] = (uint32_t)known;
    } else {
      out->dropped_bytes++;
      if (bpe->unknown >= 0 && !fused) id[n++] = (uint32_t)bpe->unknown;
    }
  }
  vft_status st = VFT_OK;
  if (n > SHORT_WORD) st = merge_long(bpe, scratch, id, n, out);
  else if (n > 0) st = merge_short(bpe, id, n, out);
  if (id != few) vft_free(id);
  return st;
}
